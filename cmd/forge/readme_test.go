package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme runs the commands of the README by a shell: the four ways to use it on the
// demo's model, and a newcomer's own file. Only address and data folder are this test's,
// and the training is short.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	b := builtFor(t)
	dir := t.TempDir()
	env := append(tutorialEnv(t, dir), "FORGE_DATA="+b.data)
	var csv strings.Builder
	csv.WriteString("customer_id,age,city,monthly_spend,churned\n")
	for i := range 400 {
		churned := "no"
		if i*7919%100 < 20+i%50 {
			churned = "yes"
		}
		fmt.Fprintf(&csv, "%d,%d,%s,%.2f,%s\n", i+1, 20+i%50, []string{"Graz", "Linz", "Wien"}[i%3], float64(i*31%1000)/10, churned)
	}
	if err := os.WriteFile(filepath.Join(dir, "customers.csv"), []byte(csv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("~/.forge", b.data, "http://127.0.0.1:8040", b.app.Base(), "--training-set churn", "--training-set churn --budget 2s", "curl ", "curl -sSf ")
	shows := []string{"2008-05", "rows scored by calls/", `"predictions":[{`, "churn answers with churn/1"}
	n := 0
	for _, block := range tutorialBlock.FindAllStringSubmatch(string(page), -1) {
		if strings.HasPrefix(block[1], "make ") {
			continue
		}
		out, err := sh(env, dir, here.Replace(block[1]))
		if err != nil || n >= len(shows) || !strings.Contains(out, shows[n]) {
			t.Errorf("%v: the block\n%s\nshows\n%s\nwant %q", err, block[1], out, shows[min(n, len(shows)-1)])
		}
		n++
	}
	if n != len(shows) {
		t.Errorf("%d blocks were run, want %d", n, len(shows))
	}
}
