// Package early makes a test binary a worker of the SQL engine before the rest of it
// is initialised. Packages are initialised in the order of their imports and paths,
// and one of Iceberg's needs 0.1 to 0.3 s and 32 MB for a table that a worker never
// looks at; this package needs the engine alone, so its turn comes before, after some
// 15 ms. It is the one place where an init function does the work of a program.
package early

import (
	"fmt"
	"os"

	"aiforge.dev/forge/lake/duck"
)

// Mark in the environment says that the process is a worker.
const Mark = "FORGE_LAKETEST_WORKER"

func init() {
	if os.Getenv(Mark) == "" {
		return
	}
	if err := duck.ServeWorker(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
