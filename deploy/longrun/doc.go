// Package longrun lets the built forge work for hours and finds out whether what it
// takes levels out. A month of the bank's calls arrives every minute: it is loaded,
// cleaned, materialized, predicted some hundred times a second, checked, and once a
// simulated year a model is trained anew. What a server forgets after days is forgotten
// after minutes here, by the server's own settings. `make longrun` starts it.
package longrun
