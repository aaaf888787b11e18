package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// figure is one measured thing. Values are of the single runs, in their order; Value
// is their median unless the name says otherwise.
type figure struct {
	Area   string    `json:"-"`
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Value  float64   `json:"value"`
	Values []float64 `json:"values,omitempty"`
	Peer   string    `json:"peer,omitempty"`
	PeerAt float64   `json:"peer_value,omitempty"`
	Peers  []float64 `json:"peer_values,omitempty"`
	Ratio  float64   `json:"ratio,omitempty"`  // of value to the peer's, or its inverse where more is better
	Target string    `json:"target,omitempty"` // "≤ 10", "ratio ≤ 1.2"
	Holds  *bool     `json:"holds,omitempty"`
	Note   string    `json:"note,omitempty"`
}

// machine says where the figures were taken.
type machine struct {
	Processor string  `json:"processor"`
	Cores     int     `json:"cores"`
	MemoryGiB float64 `json:"memory_gib"`
	System    string  `json:"system"`
	Load      string  `json:"load_before"` // the load average when the area began
}

type report struct {
	root    string
	figures []figure
	area    string
	began   time.Time
	load    string
}

func newReport(root string) *report { return &report{root: root} }

func (r *report) begin(area string) { r.area, r.began, r.load = area, time.Now(), loadAverage() }

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(b))[:1], " ")
}

// add keeps a figure and shows it.
func (r *report) add(f figure) {
	f.Area = r.area
	if f.Value == 0 && len(f.Values) > 0 {
		f.Value = median(f.Values)
	}
	if f.PeerAt == 0 && len(f.Peers) > 0 {
		f.PeerAt = median(f.Peers)
	}
	if f.Ratio == 0 && f.PeerAt != 0 {
		f.Ratio = f.Value / f.PeerAt
	}
	r.figures = append(r.figures, f)
	fmt.Printf("   %s\n", strings.Join(f.cells()[1:], "  "))
}

// most says that f's value (or ratio) may not be above limit.
func (f figure) most(limit float64) figure {
	f.Target = "≤ " + number(limit)
	return f.judge(valueOf(f) <= limit)
}

// least says that f's value may not be below limit.
func (f figure) least(limit float64) figure {
	f.Target = "≥ " + number(limit)
	return f.judge(valueOf(f) >= limit)
}

// ratioMost says how many times the peer's value f's may be at most.
func (f figure) ratioMost(limit float64) figure {
	f.Target = "ratio ≤ " + number(limit)
	if f.Ratio == 0 {
		f.Ratio = valueOf(f) / median(f.Peers)
	}
	return f.judge(f.Ratio <= limit)
}

func (f figure) judge(holds bool) figure { f.Holds = &holds; return f }

func valueOf(f figure) float64 {
	if f.Value == 0 && len(f.Values) > 0 {
		return median(f.Values)
	}
	return f.Value
}

func (f figure) cells() []string {
	verdict := ""
	if f.Holds != nil {
		verdict = map[bool]string{true: "holds", false: "MISSED"}[*f.Holds]
	}
	peer, ratio := "", ""
	if f.Peer != "" {
		peer = f.Peer + " " + number(f.PeerAt)
		ratio = number(f.Ratio)
	}
	return []string{f.Area, f.Name, number(f.Value) + " " + f.Unit, f.Target, peer, ratio, verdict}
}

func number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 1e6:
		return fmt.Sprintf("%.2f M", x/1e6)
	case a >= 1000:
		return fmt.Sprintf("%.0f", x)
	case a >= 100:
		return fmt.Sprintf("%.0f", x)
	case a >= 10:
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprintf("%.2g", x)
}

func (r *report) print(w io.Writer) {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "AREA\tFIGURE\tFORGE\tTARGET\tPEER\tRATIO\t")
	missed := 0
	for _, f := range r.figures {
		if f.Holds != nil && !*f.Holds {
			missed++
		}
		fmt.Fprintln(t, strings.Join(f.cells(), "\t"))
	}
	_ = t.Flush()
	fmt.Fprintf(w, "%d figures, %d missed\n", len(r.figures), missed)
}

// keep writes the area's figures to docs/bench/AREA.json.
func (r *report) keep(area string) error {
	out := struct {
		Area     string            `json:"area"`
		Date     string            `json:"date"`
		Machine  machine           `json:"machine"`
		Versions map[string]string `json:"versions"`
		Figures  []figure          `json:"figures"`
	}{area, r.began.UTC().Format("2006-01-02 15:04"), thisMachine(r.load), versions(r.root), nil}
	for _, f := range r.figures {
		if f.Area != area {
			continue
		}
		f.Value, f.PeerAt, f.Ratio = rounded(f.Value), rounded(f.PeerAt), rounded(f.Ratio)
		for i := range f.Values {
			f.Values[i] = rounded(f.Values[i])
		}
		for i := range f.Peers {
			f.Peers[i] = rounded(f.Peers[i])
		}
		out.Figures = append(out.Figures, f)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Join(r.root, "docs", "bench")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, area+".json"), append(b, '\n'), 0o644)
}

// rounded keeps four digits: more would pretend.
func rounded(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

func thisMachine(load string) machine {
	m := machine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH + " " + firstLine("/proc/sys/kernel/osrelease"), Load: load}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	var kb float64
	if _, err := fmt.Sscanf(firstLine("/proc/meminfo"), "MemTotal: %f kB", &kb); err == nil {
		m.MemoryGiB = rounded(kb / (1 << 20))
	}
	return m
}

func firstLine(path string) string {
	b, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// versions names what was measured: forge's commit and what the peers' environments
// are pinned to.
func versions(root string) map[string]string {
	out := map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go"), "forge": output(root, "git", "describe", "--always", "--dirty")}
	for _, file := range []string{"peers.txt", "mlserver.txt"} {
		b, err := os.ReadFile(filepath.Join(root, "deploy", "setup", file))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			name, rest, ok := strings.Cut(line, "==")
			if ok && slices.Contains([]string{"feast", "duckdb", "mlserver", "fastapi", "uvicorn", "onnxruntime", "pyiceberg"}, name) && out[name] == "" {
				out[name] = strings.Fields(rest)[0]
			}
		}
	}
	return out
}

func median(x []float64) float64 { return quantile(x, 0.5) }

// quantile is the value at the share q of the sorted values.
func quantile(x []float64, q float64) float64 {
	if len(x) == 0 {
		return 0
	}
	s := slices.Clone(x)
	slices.Sort(s)
	if n := len(s); q == 0.5 && n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[int(q*float64(len(s)-1)+0.5)]
}
