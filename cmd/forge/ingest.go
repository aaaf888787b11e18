package main

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/broker"
	"aiforge.dev/forge/ingest/ingesthttp"
	"aiforge.dev/forge/ingest/load"
	"aiforge.dev/forge/ingest/logkafka"
	"aiforge.dev/forge/ingest/sink"
	ingeststore "aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/serving/predlog"
)

// ingestParts is the log and what moves it into tables.
type ingestParts struct {
	log   ingest.Log
	store *ingeststore.Store
	sink  *sink.Sink
	loads *load.Loads
}

// openIngest opens the broker, the log and the committers.
func (a *App) openIngest(ctx context.Context) error {
	addr := strings.TrimPrefix(a.cfg.Log, "kafka://")
	if Embedded(a.cfg.Log) {
		b, err := broker.Open(a.cfg.path("log"), a.log)
		if err != nil {
			return err
		}
		a.onClose(b.Close)
		addr = b.Addr()
	}
	log, err := logkafka.Open(ctx, addr)
	if err != nil {
		return err
	}
	log.Fault = a.cfg.Fault.In("log")
	a.backup.log = &pausable{Log: log}
	a.ingest.log = a.backup.log
	a.onClose(log.Close)
	if a.ingest.store, err = ingeststore.Open(ctx, a.db, a.cfg.Now); err != nil {
		return err
	}
	a.ingest.sink, err = sink.Open(ctx, sink.Config{
		Log: a.ingest.log, Tables: a.house.Tables, Engine: a.house.Engine, Store: a.ingest.store, Lineage: a.identity.lineage, Untraced: untraced,
		Dir: a.cfg.path("tmp", "sink"), Exclusive: Embedded(a.cfg.Metadata), Logger: a.log, Fault: a.cfg.Fault.In("sink"),
	})
	if err != nil {
		return err
	}
	a.onClose(a.ingest.sink.Close)
	loads, err := load.New(ctx, load.Config{
		Dir: a.cfg.path("uploads"), Store: a.ingest.store, Log: a.ingest.log, Sink: a.ingest.sink, Tables: a.house.Tables,
		Lineage: a.identity.lineage, Logger: a.log, MaxSize: a.cfg.MaxUpload, Now: a.cfg.Now, Fault: a.cfg.Fault.In("load"),
	})
	if err != nil {
		return err
	}
	a.ingest.loads = loads
	a.jobs.Register(load.Kind, loads.HandleCSV)
	ingesthttp.Register(a.server, ingesthttp.Services{Loads: loads, Store: a.ingest.store, Queue: a.jobs, House: a.house})
	return nil
}

// predictionTable is where a project's logged predictions go.
var predictionTable = forge.TableName{Namespace: "monitoring", Name: "predictions"}

// untraced tables have no lineage of their own: a prediction comes from a deployment, and
// there is a commit of them every second or two.
func untraced(name forge.TableName) bool { return name == predictionTable }

// predictionSink appends logged predictions to the topic of the prediction table. A
// batch's identity is its records' source and position, so that one that is handed
// over again, by another process too, lands once even if the first try had reached the
// log.
type predictionSink struct {
	log      ingest.Log
	sink     *sink.Sink
	contract ingest.Contract

	mu     sync.Mutex
	wanted map[forge.Scope]bool
}

func newPredictionSink(log ingest.Log, s *sink.Sink) *predictionSink {
	contract := ingest.Contract{Table: predictionTable}
	for _, c := range predlog.Columns() {
		contract.Schema.Columns = append(contract.Schema.Columns, lake.Column{Name: c.Name, Type: lake.Type(c.Type)})
	}
	return &predictionSink{log: log, sink: s, contract: contract, wanted: map[forge.Scope]bool{}}
}

// want makes sure that the project's prediction table exists and is followed.
func (p *predictionSink) want(ctx context.Context, scope forge.Scope) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted[scope] {
		return nil
	}
	if err := p.sink.Want(ctx, scope, p.contract); err != nil {
		return err
	}
	p.wanted[scope] = true
	return nil
}

// Append implements predlog.Sink. After an outage a batch can be large: it goes as
// records of at most maxRecord bytes, cut between lines, always at the same places.
func (p *predictionSink) Append(ctx context.Context, scope forge.Scope, id predlog.BatchID, ndjson []byte, _ int) error {
	if err := p.want(ctx, scope); err != nil {
		return err
	}
	_, err := p.log.Append(ctx, ingest.TableTopic(scope, predictionTable), p.records(id, ndjson)...)
	return err
}

const (
	maxRecord    = 512 << 10
	batchRecords = 1 << 20 // positions of a batch; it has far fewer records
)

func (p *predictionSink) records(id predlog.BatchID, ndjson []byte) []ingest.Record {
	var recs []ingest.Record
	for len(ndjson) > 0 {
		n := len(ndjson)
		if n > maxRecord {
			n = bytes.LastIndexByte(ndjson[:maxRecord], '\n') + 1
			if n == 0 { // one line longer than a record
				n = bytes.IndexByte(ndjson, '\n') + 1
			}
		}
		value := ndjson[:n]
		ndjson = ndjson[n:]
		recs = append(recs, ingest.Record{Value: value, Headers: map[string]string{
			ingest.HeaderFormat: string(ingest.FormatNDJSON), ingest.HeaderTable: predictionTable.String(), ingest.HeaderSource: id.Spool,
			ingest.HeaderSeq: strconv.FormatInt(id.Number*batchRecords+int64(len(recs))+1, 10), ingest.HeaderSchema: p.contract.Fingerprint(),
			ingest.HeaderRows: strconv.Itoa(bytes.Count(value, []byte{'\n'})),
		}})
	}
	return recs
}

// Flush returns when everything that was answered before is in the prediction table.
func (p *predictionSink) Flush(ctx context.Context, scope forge.Scope) error {
	if err := p.want(ctx, scope); err != nil {
		return err
	}
	return p.sink.Flush(ctx, scope, predictionTable)
}
