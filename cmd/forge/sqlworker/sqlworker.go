// Package sqlworker turns "forge worker" into a worker of the SQL engine before the
// rest of the program is initialised. Packages are initialised in the order of their
// imports and paths, and one of Iceberg's needs 0.1 s of CPU time and 32 MB for a
// table that a worker never looks at; this package needs the engine alone, so its turn
// comes before, after some 15 ms. A user's query has a process of its own, so this is
// time that users would wait. It is the one place of the program where an init
// function does work; the command of the same name stays as the way in for builds
// where this package is not linked.
package sqlworker

import (
	"fmt"
	"os"

	"aiforge.dev/forge/lake/duck"
)

func init() {
	if len(os.Args) != 2 || os.Args[1] != "worker" {
		return
	}
	if err := duck.ServeWorker(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "forge worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
