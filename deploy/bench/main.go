// Command bench measures the built forge beside its peers: the same work, the same
// files, in one run, in turn. It drives forge over HTTP and its command line, as users
// do, and the peers as their own processes. What a part of it measures stands in the
// part's file; make bench runs all, make bench AREA=query one.
//
// Processor seconds are those of the whole process tree, the tree's ended children
// included; on a busy machine they are the sound figure, and wall times upper bounds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// bench is what the areas share.
type bench struct {
	ctx   context.Context
	root  string // of the repository
	forge string // the built binary
	dir   string // temporary files of this run
	quick bool   // fewer repetitions, to try the harness itself
	out   *report
}

// area is one part of the run.
type area struct {
	name, doc string
	run       func(*bench) error
}

// areas are in the order in which they run.
func areas() []area {
	return []area{
		{"start", "start, idle memory, size of the binary", (*bench).start},
		{"ingest", "1 M × 20 CSV into a table, beside DuckDB's COPY", (*bench).ingest},
		{"query", "SQL over a table, beside DuckDB on the same files", (*bench).query},
		{"commit", "commits to a table, beside PyIceberg", (*bench).commit},
		{"join", "the point-in-time join, beside Feast", (*bench).join},
		{"predict", "predictions by entity, with everything on", (*bench).predict},
		{"infer", "Open Inference Protocol, beside ONNX Runtime, FastAPI and MLServer", (*bench).infer},
		{"memory", "a file of 5 GB", (*bench).memory},
	}
}

func main() {
	only := flag.String("area", "", "areas to run, separated by commas; none: all")
	quick := flag.Bool("quick", false, "few repetitions, to try the harness; figures are kept nowhere")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, *only, *quick)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context, only string, quick bool) (int, error) {
	root, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "forge-bench-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, root: root, forge: filepath.Join(root, "bin", "forge"), dir: dir, quick: quick, out: newReport(root)}
	wanted := map[string]bool{}
	for _, name := range strings.FieldsFunc(only, func(r rune) bool { return r == ',' || r == ' ' }) {
		wanted[name] = true
	}
	code, all := 0, len(wanted) == 0
	for _, a := range areas() {
		if !all && !wanted[a.name] {
			continue
		}
		delete(wanted, a.name)
		if ctx.Err() != nil {
			return 1, ctx.Err()
		}
		began := time.Now()
		fmt.Printf("== %s: %s\n", a.name, a.doc)
		b.out.begin(a.name)
		if err := a.run(b); err != nil {
			fmt.Printf("   BROKEN: %v\n", err)
			code = 1
			continue
		}
		fmt.Printf("   %.0f s\n", time.Since(began).Seconds())
		if !quick {
			if err := b.out.keep(a.name); err != nil {
				return 1, err
			}
		}
	}
	for name := range wanted {
		return 1, fmt.Errorf("there is no area %q", name)
	}
	b.out.print(os.Stdout)
	return code, nil
}

// times is how often something is measured: n, or a few when only trying.
func (b *bench) times(n int) int {
	if b.quick {
		return max(1, n/5)
	}
	return n
}
