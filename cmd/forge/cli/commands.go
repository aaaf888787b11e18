package cli

// Commands are all commands that speak the API.
type Commands struct {
	Ingest      Ingest      `cmd:"" group:"data" help:"Take a CSV file into a table."`
	Tables      Tables      `cmd:"" group:"data" help:"List tables, or show one."`
	Maintain    Maintain    `cmd:"" group:"data" help:"Join a table's small files and expire its old snapshots."`
	Rejects     Rejects     `cmd:"" group:"data" help:"Show rows that could not be taken, and why."`
	Recipe      Recipe      `cmd:"" group:"data" help:"Clean and mask: suggest, preview, apply."`
	SQL         SQL         `cmd:"" name:"sql" group:"data" help:"Run a SELECT over the project's tables."`
	Drop        Drop        `cmd:"" group:"data" help:"Remove a table."`
	Flow        Flow        `cmd:"" group:"data" help:"Flows of the studio: list, store, run."`
	Features    Features    `cmd:"" group:"features" help:"Views, training sets, the online store."`
	Train       Train       `cmd:"" group:"models" help:"Train a model on a training set."`
	Models      Models      `cmd:"" group:"models" help:"List models and their versions."`
	Alias       Alias       `cmd:"" group:"models" help:"Move an alias such as @champion."`
	Deploy      Deploy      `cmd:"" group:"serving" help:"Make a model answer."`
	Deployments Deployments `cmd:"" group:"serving" help:"List what answers."`
	Undeploy    Undeploy    `cmd:"" group:"serving" help:"Stop a deployment."`
	Predict     Predict     `cmd:"" group:"serving" help:"Ask a deployed model."`
	BatchScore  BatchScore  `cmd:"" group:"serving" help:"Score a table into another."`
	Monitor     Monitor     `cmd:"" group:"monitoring" aliases:"policy" help:"What is watched of a deployment, and when."`
	Drift       Drift       `cmd:"" group:"monitoring" help:"Compare what a deployment sees with its training data."`
	Performance Performance `cmd:"" group:"monitoring" help:"Metrics where labels have arrived."`
	Alerts      Alerts      `cmd:"" group:"monitoring" help:"List alerts."`
	Alert       Alert       `cmd:"" group:"monitoring" help:"Show one alert in full, or close it."`
	Lineage     Lineage     `cmd:"" group:"monitoring" help:"Show where something came from."`
	Jobs        Jobs        `cmd:"" group:"admin" aliases:"job" help:"Long work: list, follow, cancel."`
	Token       Token       `cmd:"" group:"admin" help:"API keys."`
	Audit       Audit       `cmd:"" group:"admin" help:"The audit log."`
	Backup      Backup      `cmd:"" group:"admin" help:"Save the whole data folder, encrypted, while the server runs."`
}
