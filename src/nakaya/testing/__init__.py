"""Contract kits that plug-ins inherit, and the means to test nakaya itself."""
