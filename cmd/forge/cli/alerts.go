package cli

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/profile"
)

// Alerts lists alerts, those of one episode as one line.
type Alerts struct {
	Deployment string `arg:"" optional:"" names:"deployment" help:"Only of this deployment."`
	All        bool   `help:"Every alert with its full text."`
}

type alertList struct {
	Alerts []monitoring.Alert `json:"alerts"`
}

// Answer implements Answerer.
func (*Alerts) Answer() any { return alertList{} }

func alertIDs(o alertList) []string {
	return each(o.Alerts, func(a monitoring.Alert) string { return a.ID })
}

func (c *Alerts) Run(e *Env) error {
	all, err := e.alerts("")
	if err != nil {
		return err
	}
	of := func(a monitoring.Alert) bool { return c.Deployment == "" || a.Deployment == c.Deployment }
	if e.JSON {
		return e.PrintJSON(alertList{slices.DeleteFunc(all, func(a monitoring.Alert) bool { return !of(a) })})
	}
	shown := slices.DeleteFunc(episodes(all), func(p episode) bool { return !of(p.newest()) })
	if len(shown) == 0 && c.Deployment != "" { // none, or no such deployment?
		if err := e.watched(c.Deployment); err != nil {
			return err
		}
	}
	if len(shown) == 0 {
		e.printf("no alerts\n")
		return nil
	}
	if c.All {
		for _, p := range shown {
			e.printEpisode(p)
			e.printf("\n")
		}
		return nil
	}
	var rows [][]string
	for _, p := range shown {
		a := p.newest()
		rows = append(rows, []string{
			strconv.Itoa(p.number), fmt.Sprintf("%s/%d", a.Deployment, a.Version), a.Since.Format(time.DateOnly), a.Window[0].Format(time.DateOnly),
			moved(a), p.state(), done(p),
		})
	}
	e.Table([]string{"#", "DEPLOYMENT", "SINCE", "LAST SEEN", "WHAT MOVED MOST", "STATE", "WHAT WAS DONE"}, rows)
	e.printf("forge alert %s shows one in full\n", rows[0][0])
	return nil
}

func (e *Env) alerts(deployment string) ([]monitoring.Alert, error) {
	var out alertList
	err := e.call("GET", "/api/alerts?deployment="+url.QueryEscape(deployment), nil, &out)
	return out.Alerts, err
}

// episode is what moved and stayed so: the alerts of one version, of one kind, that
// began together. Each window in which it lasts raises one.
type episode struct {
	number int // counted from the oldest, so that it stays
	alerts []monitoring.Alert
}

func (p episode) newest() monitoring.Alert { return p.alerts[0] }

func (p episode) state() string {
	if slices.ContainsFunc(p.alerts, func(a monitoring.Alert) bool { return a.State == "acting" }) {
		return "acting"
	}
	return p.newest().State // an answer to the newest ends the episode
}

// episodes groups alerts, which come newest first.
func episodes(alerts []monitoring.Alert) []episode {
	type key struct {
		deployment, kind string
		version          int
		since            int64
	}
	at := map[key]int{}
	var out []episode
	for _, a := range alerts {
		k := key{a.Deployment, a.Kind, a.Version, a.Since.Unix()}
		i, known := at[k]
		if !known {
			i, at[k] = len(out), len(out)
			out = append(out, episode{})
		}
		out[i].alerts = append(out[i].alerts, a)
	}
	for i := range out {
		out[i].number = len(out) - i
	}
	return out
}

// moved names what an alert is about in a few words.
func moved(a monitoring.Alert) string {
	if a.Kind == "performance" {
		_, text, _ := strings.Cut(a.Text, ": ")
		return strings.Replace(text, " in the window from "+a.Window[0].Format(time.DateOnly), "", 1)
	}
	cols := slices.DeleteFunc(slices.Clone(a.Columns), func(c string) bool { return c == profile.Prediction })
	if len(cols) == 0 {
		return profile.Prediction
	}
	text := strings.Join(cols[:min(2, len(cols))], ", ")
	if more := len(cols) - 2; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// done is what came of an episode: the newest answer that was more than waiting.
func done(p episode) string {
	for _, a := range p.alerts {
		switch {
		case a.Job != "" && a.Outcome == "":
			return "retraining runs"
		case a.Job != "" || a.Outcome != "" && a.State == "resolved":
			short, _, _ := strings.Cut(a.Outcome, ":")
			return short
		}
	}
	if short, _, _ := strings.Cut(p.newest().Outcome, ":"); short != "" {
		return short
	}
	return "nothing yet"
}

func (e *Env) printEpisode(p episode) {
	a := p.newest()
	e.printf("#%d  %s, %s of version %d since %s: %s\n", p.number, a.Deployment, a.Kind, a.Version, a.Since.Format(time.DateOnly), p.state())
	for _, a := range p.alerts {
		e.printf("  %s  %s\n", a.Window[0].Format(time.DateOnly), a.Text)
		if a.Outcome != "" {
			e.printf("              %s\n", a.Outcome)
		}
		if a.Job != "" {
			e.printf("              forge jobs %s\n", a.Job)
		}
	}
}

// Alert shows one episode in full, or closes it.
type Alert struct {
	Number  string `arg:"" names:"alert" help:"Number as forge alerts shows it, or an alert's id."`
	Resolve bool   `help:"Close it: somebody has looked."`
}

// Answer implements Answerer.
func (*Alert) Answer() any { return alertList{} }

func (c *Alert) Run(e *Env) error {
	p, err := c.find(e)
	if err != nil {
		return err
	}
	if c.Resolve {
		for i, a := range p.alerts {
			if a.State == "resolved" {
				continue
			}
			if err := e.call("POST", path("api", "alerts", a.ID, "resolve"), nil, &p.alerts[i]); err != nil {
				return err
			}
		}
	}
	if done, err := e.printJSON(alertList{p.alerts}); done {
		return err
	}
	e.printEpisode(p)
	return nil
}

func (c *Alert) find(e *Env) (episode, error) {
	all, err := e.alerts("")
	if err != nil {
		return episode{}, err
	}
	for _, p := range episodes(all) {
		if strconv.Itoa(p.number) == strings.TrimPrefix(c.Number, "#") {
			return p, nil
		}
		for _, a := range p.alerts {
			if a.ID == c.Number {
				return p, nil
			}
		}
	}
	return episode{}, forge.Errorf(forge.KindNotFound, nil, "there is no alert %q: forge alerts lists them by number", c.Number)
}
