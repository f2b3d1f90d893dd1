/* Excerpts of results need requests, which browsers refuse to pages that are opened as files: results alone, then. */
if (window.location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
