//go:build longrun

package longrun_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge/deploy/longrun"
	"aiforge.dev/forge/internal/telemetry"
)

const mib = 1 << 20

// figures are judged. What is data, such as the rows of tables, is only shown.
var figures = []longrun.Figure{
	{Name: "server RSS", Unit: "MiB", Allowance: 24},
	{Name: "heap in use", Unit: "MiB", Allowance: 48}, // peaks come and go with the garbage collector
	{Name: "workers' RSS", Unit: "MiB", Allowance: 64},
	{Name: "open files", Allowance: 16},
	{Name: "goroutines", Allowance: 24},
	{Name: "threads", Allowance: 6},
	{Name: "children", Allowance: 2},
	{Name: "topics", Unit: "MiB", Allowance: 18}, // a segment
	{Name: "table metadata files", Unit: "KiB", Allowance: 64},
	{Name: "snapshots, untagged", Allowance: 12},
	{Name: "data files", Allowance: 16},
	{Name: "files to be removed", Allowance: 100},
	{Name: "metadata store", Unit: "MiB", Allowance: 4},
	{Name: "jobs kept", Allowance: 20},
	{Name: "scratch", Unit: "MiB", Allowance: 16},
}

// meter samples the figures.
type meter struct {
	s    *server
	load *predictions

	mu      sync.Mutex
	samples map[string][]float64
	errs    int
}

func newMeter(s *server, load *predictions) *meter {
	return &meter{s: s, load: load, samples: map[string][]float64{}}
}

func (m *meter) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := m.sample(ctx); err != nil && ctx.Err() == nil {
			m.errs++
		}
	}
}

func (m *meter) sample(ctx context.Context) error {
	shown, err := m.scrape(ctx)
	if err != nil {
		return err
	}
	children, rss := family(m.s.pid)
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, v := range map[string]float64{
		"server RSS":           shown["process_resident_memory_bytes"] / mib,
		"heap in use":          shown["go_memstats_heap_inuse_bytes"] / mib,
		"workers' RSS":         rss / mib,
		"open files":           shown["process_open_fds"],
		"goroutines":           shown["go_goroutines"],
		"threads":              shown["go_threads"],
		"children":             children,
		"topics":               shown["forge_data_log_bytes"] / mib,
		"table metadata files": shown["forge_table_metadata_bytes"] / 1024,
		"snapshots, untagged":  shown["forge_table_snapshots"] - shown["forge_table_snapshots_tagged"],
		"snapshots, tagged":    shown["forge_table_snapshots_tagged"],
		"data files":           shown["forge_table_files"],
		"files to be removed":  shown["forge_lake_files_to_remove"],
		"metadata store":       shown["forge_data_metadata_bytes"] / mib,
		"jobs kept":            shown["forge_jobs"],
		"scratch":              shown["forge_data_scratch_bytes"] / mib,
		"online store":         shown["forge_data_online_bytes"] / mib,
		"rows":                 shown["forge_table_rows"],
		"predictions":          float64(m.load.sent.Load()),
	} {
		m.samples[name] = append(m.samples[name], v)
	}
	return nil
}

// scrape reads /metrics and adds up what has the same name.
func (m *meter) scrape(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.s.base+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+m.s.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics: %s", res.Status)
	}
	return telemetry.Sums(res.Body)
}

// family counts the processes that the server started, and adds up their memory.
func family(pid int) (children, rss float64) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range tasks {
		text, _ := os.ReadFile(f)
		for _, id := range strings.Fields(string(text)) {
			n, _ := strconv.Atoi(id)
			more, below := family(n)
			children, rss = children+1+more, rss+below
			statm, err := os.ReadFile(fmt.Sprintf("/proc/%s/statm", id))
			if fields := strings.Fields(string(statm)); err == nil && len(fields) > 1 {
				pages, _ := strconv.ParseFloat(fields[1], 64)
				rss += pages * float64(os.Getpagesize())
			}
		}
	}
	return children, rss
}

// outcome is docs/bench/longrun.json.
type outcome struct {
	Rule        string               `json:"rule"`
	Machine     string               `json:"machine"`
	Settings    []string             `json:"settings"`
	Seconds     float64              `json:"seconds"`
	Months      int                  `json:"months"`
	Predictions int64                `json:"predictions"`
	Failed      int64                `json:"predictions_failed"`
	Level       bool                 `json:"level"`
	Figures     []longrun.Verdict    `json:"figures"`
	Shown       map[string][]float64 `json:"first_and_last"`
	Minutes     map[string][]float64 `json:"every_minute"`
}

// report prints the verdict, writes it down and fails if something grows.
func report(t *testing.T, m *meter, load *predictions, months int, took time.Duration) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	o := outcome{
		Rule: longrun.Rule, Machine: fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()), Settings: settings,
		Seconds: math.Round(took.Seconds()), Months: months, Predictions: load.sent.Load(), Failed: load.failed.Load(), Level: true,
		Shown: map[string][]float64{}, Minutes: map[string][]float64{},
	}
	fmt.Printf("%-24s %-5s %10s %10s %10s %10s %10s  %s\n", "", "", "quarter 1", "quarter 2", "quarter 4", "max 4", "%/hour", "")
	for _, f := range figures {
		v := longrun.Judge(f, m.samples[f.Name], took.Hours())
		o.Figures, o.Level = append(o.Figures, v), o.Level && v.Level
		say := "levels out"
		if !v.Level {
			say = "GROWS: " + v.Why
			t.Errorf("%s: %s", f.Name, v.Why)
		}
		fmt.Printf("%-24s %-5s %10.1f %10.1f %10.1f %10.1f %10.1f  %s\n", v.Figure, v.Unit, v.First, v.Second, v.Last, v.MaxLast, v.Slope, say)
	}
	for name, all := range m.samples {
		if n := len(all); n > 0 {
			o.Shown[name] = []float64{all[0], all[n-1]}
		}
		for i := 0; i < len(all); i += 6 {
			o.Minutes[name] = append(o.Minutes[name], math.Round(all[i]*100)/100)
		}
	}
	for _, name := range []string{"snapshots, tagged", "online store", "rows", "predictions"} {
		fmt.Printf("%-24s from %.0f to %.0f (data; not judged)\n", name, o.Shown[name][0], o.Shown[name][1])
	}
	fmt.Printf("%d months, %d predictions, %d failed, %d samples not taken, %s\n", months, o.Predictions, o.Failed, m.errs, took.Round(time.Second))
	if first := load.first.Load(); first != nil {
		t.Errorf("%d predictions failed, the first: %s", o.Failed, *first)
	}
	text, err := json.MarshalIndent(o, "", "  ")
	if err == nil {
		err = os.WriteFile(os.Getenv("FORGE_LONGRUN_OUT"), append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Errorf("the outcome was not written: %v", err)
	}
}
