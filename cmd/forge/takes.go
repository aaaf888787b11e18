package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/telemetry"
)

// takes says what the running server takes of the machine, from its own figures; they
// are all in /metrics, by their names.
func (c *doctorCmd) takes(e *cli.Env) (finding, bool) {
	f, err := cli.ReadServerFile(c.Data)
	if err != nil || !ready(e.Ctx, f.Addr) {
		return finding{}, false
	}
	ctx, cancel := context.WithTimeout(e.Ctx, 10*time.Second)
	defer cancel()
	shown, err := figuresOf(ctx, e)
	if err != nil {
		return finding{"figures", "note", "the server does not show them: " + err.Error()}, true
	}
	const mib = 1 << 20
	return finding{"figures", "ok", fmt.Sprintf("%.0f MiB memory, %.0f open files, %.0f goroutines; %.1f MiB of topics, %.1f MiB of metadata; %.0f snapshots and %.0f files of tables, %.0f files to remove",
		shown["process_resident_memory_bytes"]/mib, shown["process_open_fds"], shown["go_goroutines"],
		shown["forge_data_log_bytes"]/mib, (shown["forge_data_metadata_bytes"]+shown["forge_table_metadata_bytes"])/mib,
		shown["forge_table_snapshots"], shown["forge_table_files"], shown["forge_lake_files_to_remove"])}, true
}

func figuresOf(ctx context.Context, e *cli.Env) (map[string]float64, error) {
	client, err := e.Client()
	if err != nil {
		return nil, err
	}
	resp, err := client.Send(ctx, http.MethodGet, "/metrics", "", nil, "text/plain")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	return telemetry.Sums(resp.Body)
}
