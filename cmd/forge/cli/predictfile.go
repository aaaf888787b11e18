package cli

import (
	"encoding/csv"
	"errors"
	"io"
	"os"
	"time"

	"aiforge.dev/forge"
)

// fileSummary is what forge predict --file tells of a whole file.
type fileSummary struct {
	Rows     int            `json:"rows"`
	Labels   map[string]int `json:"labels"`
	Mean     float64        `json:"mean_score"`
	Seconds  float64        `json:"seconds"`
	Model    string         `json:"model"`
	Versions map[int]int    `json:"versions"` // how many predictions each version gave
}

const entitiesPerCall = 250

// runFile asks for each line of a CSV file, by entity key, in calls of 250.
func (c *Predict) runFile(e *Env) error {
	sum, err := c.predictFile(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(sum); done {
		return err
	}
	e.printf("%s predictions in %.1f s, mean score %.4f\n", count(int64(sum.Rows)), sum.Seconds, sum.Mean)
	return nil
}

func (c *Predict) predictFile(e *Env) (fileSummary, error) {
	sum := fileSummary{Labels: map[string]int{}, Versions: map[int]int{}}
	f, err := os.Open(c.File)
	if err != nil {
		return sum, forge.Errorf(forge.KindNotFound, err, "file %s cannot be read", c.File)
	}
	defer f.Close()
	r := csv.NewReader(f)
	header, err := r.Read()
	if err != nil {
		return sum, forge.Errorf(forge.KindInvalid, err, "%s has no header line", c.File)
	}
	at, err := columnsOf(header, c.Keys, c.File)
	if err != nil {
		return sum, err
	}
	began := time.Now()
	for more := true; more; {
		var entities []map[string]string
		for len(entities) < entitiesPerCall {
			rec, err := r.Read()
			if errors.Is(err, io.EOF) {
				more = false
				break
			}
			if err != nil {
				return sum, forge.Errorf(forge.KindInvalid, err, "%s: %s", c.File, err)
			}
			entity := make(map[string]string, len(at))
			for i, col := range at {
				entity[c.Keys[i]] = rec[col]
			}
			entities = append(entities, entity)
		}
		if len(entities) > 0 {
			if err := sum.ask(e, c.Name, entities); err != nil {
				return sum, err
			}
		}
	}
	sum.Seconds = time.Since(began).Seconds()
	if sum.Rows > 0 {
		sum.Mean /= float64(sum.Rows)
	}
	return sum, nil
}

func (s *fileSummary) ask(e *Env, name string, entities []map[string]string) error {
	var out predictions
	if err := e.call("POST", path("v1", "predict", name), map[string]any{"entities": entities}, &out); err != nil {
		return err
	}
	s.Model = out.Model
	s.Versions[out.Version] += len(out.Predictions)
	for _, p := range out.Predictions {
		s.Rows++
		s.Labels[p.Label]++
		for _, v := range []*float64{p.Value, p.Score} { // one of the two is there
			if v != nil {
				s.Mean += *v
				break
			}
		}
	}
	return nil
}

func columnsOf(header, keys []string, file string) ([]int, error) {
	if len(keys) == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "--file needs --keys: the columns of %s that name an entity", file)
	}
	at := make([]int, len(keys))
	for i, k := range keys {
		at[i] = -1
		for j, h := range header {
			if h == k {
				at[i] = j
			}
		}
		if at[i] < 0 {
			return nil, forge.Errorf(forge.KindInvalid, nil, "%s has no column %q", file, k)
		}
	}
	return at, nil
}
