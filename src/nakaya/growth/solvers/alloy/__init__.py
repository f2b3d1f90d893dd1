"""A dilute binary alloy after Echebarria, Folch, Karma & Plapp (2004)."""
