package watch

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/metric"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/profile"
)

// raise looks at the newest window that is large enough, raises what it shows once,
// and starts the policy's answer.
func (s *Service) raise(ctx context.Context, scope forge.Scope, policy monitoring.Policy) ([]monitoring.Alert, error) {
	reports, err := s.Store.Reports(ctx, scope, policy.Deployment)
	if err != nil {
		return nil, err
	}
	newest := -1
	for i, r := range reports {
		if r.Rows >= policy.MinRows {
			newest = i
		}
	}
	out := []monitoring.Alert{}
	if newest < 0 {
		return out, nil
	}
	about, err := s.Trained.About(ctx, scope, reports[newest].Model, reports[newest].Version)
	if err != nil {
		return nil, err
	}
	history, err := s.Store.Alerts(ctx, scope, policy.Deployment)
	if err != nil {
		return nil, err
	}
	for _, a := range findings(policy, reports[:newest+1], about) {
		fresh, err := s.Store.Raise(ctx, scope, a)
		if err != nil {
			return nil, err
		}
		if !fresh {
			continue
		}
		if len(out) == 0 { // one answer for a window, whatever it shows
			if a, err = s.answer(ctx, scope, policy, a, history); err != nil {
				return nil, err
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// findings are the alerts that the last report is worth.
func findings(policy monitoring.Policy, reports []monitoring.Report, about monitoring.About) []monitoring.Alert {
	r := reports[len(reports)-1]
	var out []monitoring.Alert
	alert := func(kind string) monitoring.Alert {
		return monitoring.Alert{
			ID: forge.NewID("alert"), Deployment: policy.Deployment, Version: r.Version, Kind: kind, Columns: []string{},
			Window: [2]time.Time{r.From, r.To}, State: "open", Created: time.Now().UTC(),
		}
	}
	if len(r.Drifted) > 0 {
		a := alert("drift")
		a.Columns, a.Since = strongest(r), since(reports, policy.MinRows, func(p monitoring.Report) bool { return len(p.Drifted) > 0 })
		a.Text = driftText(r, a)
		out = append(out, a)
	}
	if fall, now, ok := fell(policy, r, about); ok {
		a := alert("performance")
		a.Columns = strongest(r)
		a.Since = since(reports, policy.MinRows, func(p monitoring.Report) bool {
			_, _, ok := fell(policy, p, about)
			return ok
		})
		a.Text = fmt.Sprintf("%s/%d: %s is %.3f in the window from %s, %.3f worse than in training", r.Model, r.Version, policy.Metric, now, r.From.Format(time.DateOnly), fall)
		out = append(out, a)
	}
	return out
}

// fell says by how much the policy's metric is worse than in training, and whether
// that is too much.
func fell(policy monitoring.Policy, r monitoring.Report, about monitoring.About) (fall, now float64, ok bool) {
	if policy.Metric == "" || policy.MaxDrop <= 0 || r.Performance == nil {
		return 0, 0, false
	}
	trained, have := about.Metrics[policy.Metric]
	now, got := r.Performance.Metrics[policy.Metric]
	if !have || !got {
		return 0, 0, false
	}
	fall = metric.Gain(policy.Metric, trained, now)
	return fall, now, fall > policy.MaxDrop
}

// strongest are the drifted columns, the largest effect first; the model's own answer,
// which follows from them, comes last.
func strongest(r monitoring.Report) []string {
	cols := append([]monitoring.Drift(nil), r.Columns...)
	sort.SliceStable(cols, func(i, j int) bool {
		if a, b := cols[i].Column == profile.Prediction, cols[j].Column == profile.Prediction; a != b {
			return b
		}
		return cols[i].Effect > cols[j].Effect
	})
	out := []string{}
	for _, d := range cols {
		if d.Drifted {
			out = append(out, d.Column)
		}
	}
	return out
}

// since is the start of the unbroken run of windows of the last report's version for
// which f holds. Windows too small to tell neither break it nor begin it.
func since(reports []monitoring.Report, minRows int64, f func(monitoring.Report) bool) time.Time {
	last := reports[len(reports)-1]
	from := last.From
	for i := len(reports) - 2; i >= 0; i-- {
		r := reports[i]
		if r.Version != last.Version || r.Rows < minRows {
			continue
		}
		if !f(r) {
			break
		}
		from = r.From
	}
	return from
}

func driftText(r monitoring.Report, a monitoring.Alert) string {
	shown := a.Columns[:min(3, len(a.Columns))]
	effect := map[string]float64{}
	for _, d := range r.Columns {
		effect[d.Column] = d.Effect
	}
	parts := make([]string, len(shown))
	for i, c := range shown {
		parts[i] = fmt.Sprintf("%s (PSI %.2f)", c, effect[c])
	}
	text := strings.Join(parts, ", ")
	if more := len(a.Columns) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s/%d: %s have moved since %s", r.Model, r.Version, text, a.Since.Format(time.DateOnly))
}

// answer starts the retraining that the policy asks for, unless the last one was too
// few windows ago.
func (s *Service) answer(ctx context.Context, scope forge.Scope, policy monitoring.Policy, a monitoring.Alert, history []monitoring.Alert) (monitoring.Alert, error) {
	if policy.Retrain == nil || s.Retrainer == nil {
		return a, nil
	}
	for _, earlier := range history {
		if earlier.Job == "" {
			continue
		}
		again := earlier.Window[0]
		for range policy.Retrain.Cooldown + 1 {
			again = next(policy.Window, again)
		}
		if a.Window[0].Before(again) {
			return s.Store.ChangeAlert(ctx, scope, a.ID, func(a *monitoring.Alert) {
				a.Outcome = "no retraining: the last one was for the window from " + earlier.Window[0].Format(time.DateOnly)
			})
		}
	}
	job, err := s.Retrainer.Retrain(ctx, scope, policy, a)
	if err != nil {
		return a, err
	}
	return s.Store.ChangeAlert(ctx, scope, a.ID, func(a *monitoring.Alert) { a.Job, a.State = job, "acting" })
}

// Answered records how the answer to an alert ended.
func (s *Service) Answered(ctx context.Context, scope forge.Scope, alert, outcome string) error {
	_, err := s.Store.ChangeAlert(ctx, scope, alert, func(a *monitoring.Alert) { a.Outcome, a.State = outcome, "resolved" })
	return err
}

// Resolve closes an alert by hand.
func (s *Service) Resolve(ctx context.Context, scope forge.Scope, alert, by string) (monitoring.Alert, error) {
	return s.Store.ChangeAlert(ctx, scope, alert, func(a *monitoring.Alert) {
		a.State = "resolved"
		if a.Outcome == "" {
			a.Outcome = "closed by " + by
		}
	})
}
