// Package examples carries the data and documents of the demos in the binary; see
// DATA.md for where the data is from and under which licence.
package examples

import "embed"

//go:embed DATA.md calls glucose orders
var Files embed.FS
