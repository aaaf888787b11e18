package cli

import (
	"maps"
	"slices"
)

// Examples are the examples of a command, by its path: its help shows them, docs/cli.md
// lists them, and a test parses each.
func Examples(path string) []string { return exampleLines()[path] }

// Explained are the commands that have examples.
func Explained() []string { return slices.Sorted(maps.Keys(exampleLines())) }

func exampleLines() map[string][]string {
	return map[string][]string{
		"serve":   {"forge serve", "forge serve --data /srv/forge --listen 0.0.0.0:8040 --tls-cert cert.pem --tls-key key.pem", "FORGE_METADATA=postgres://forge@db/forge forge serve --log kafka://kafka:9092 --online redis://redis:6379 --warehouse s3://lake/forge"},
		"up":      {"forge up", "forge up --no-demo --listen 127.0.0.1:9000"},
		"down":    {"forge down"},
		"restore": {"forge restore monday.backup --data /srv/forge --passphrase-file pass", "forge restore monday.backup --data /srv/forge --identity key.txt"},
		"verify":  {"forge verify --data /srv/forge", "forge --json verify"},
		"doctor":  {"forge doctor", "forge --json doctor --python /opt/trainer/bin/python"},
		"config":  {"forge config", "FORGE_LISTEN=0.0.0.0:8040 forge config --memory 4294967296"},
		"openapi": {"forge openapi > openapi.json"},
		"version": {"forge version"},

		"demo calls":   {"forge demo calls", "forge demo calls --until 2009-09 --budget 20s"},
		"demo glucose": {"forge demo glucose"},
		"demo orders":  {"forge demo orders"},

		"ingest":   {"forge ingest customers.csv --table raw.customers", "forge ingest export.csv --table raw.orders --types zip=string,amount=double --null n/a --header no", "forge ingest huge.csv --table raw.huge --no-wait"},
		"tables":   {"forge tables", "forge tables raw.customers"},
		"maintain": {"forge maintain raw.customers", "forge maintain raw.customers --show", "forge maintain raw.customers --keep-for 720h --no-auto"},
		"rejects":  {"forge rejects raw.customers", "forge rejects raw.customers --limit 100"},
		"sql":      {`forge sql "select city, count(*) n from raw.customers group by 1 order by 2 desc"`, `forge sql --format csv --limit 1000000 "select * from raw.customers" > customers.csv`, "forge sql - < report.sql"},
		"backup":   {"forge backup /backups/ --passphrase-file pass", "forge backup monday.backup --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"},
		"drop":     {"forge drop raw.customers", "forge drop raw.customers --yes"},

		"recipe suggest": {"forge recipe suggest raw.customers > recipe.yaml"},
		"recipe preview": {"forge recipe preview recipe.yaml --rows 10"},
		"recipe apply":   {"forge recipe apply recipe.yaml", "forge recipe suggest raw.customers | forge recipe apply -"},
		"recipe list":    {"forge recipe list"},

		"flow list":  {"forge flow"},
		"flow apply": {"forge flow apply flow.yaml --layout flow.layout.json"},
		"flow run":   {"forge flow run calls", "forge flow run calls --from train"},

		"features apply":        {"forge features apply features.yaml"},
		"features views":        {"forge features views"},
		"features training-set": {"forge features training-set churn --labels curated.customers --label churned", "forge features training-set calls --labels curated.calls --time call_time --label subscribed --views call_profile,market@2"},
		"features materialize":  {"forge features materialize", "forge features materialize call_profile"},
		"features get":          {"forge features get call_profile market -e call_id=32000"},

		"train":  {"forge train churn --training-set churn --alias champion", "forge train churn --training-set churn --budget 10m --families lightgbm,random_forest --metric roc_auc"},
		"models": {"forge models", "forge models churn"},
		"alias":  {"forge alias churn@champion 3", "forge alias churn@challenger --clear"},

		"deploy":      {"forge deploy churn@champion", "forge deploy churn/2 --name churn_old"},
		"deployments": {"forge deployments"},
		"undeploy":    {"forge undeploy churn_old"},
		"predict":     {"forge predict calls -e call_id=32000", `forge predict churn -r '{"age": 41, "city": "Graz"}'`, "forge predict calls --file new.csv --keys call_id"},
		"batch-score": {"forge batch-score churn@champion --in curated.customers --out scored.customers"},

		"monitor set":  {"forge monitor set churn monitor.yaml", "forge monitor set churn --check daily", `forge policy set churn monitor.yaml --check "every 1h"`},
		"monitor show": {"forge monitor show churn", "forge monitor show churn > monitor.yaml"},
		"drift":        {"forge drift churn", "forge drift churn --no-check --all"},
		"performance":  {"forge performance churn", "forge performance churn --all"},
		"alerts":       {"forge alerts", "forge alerts churn --all"},
		"alert":        {"forge alert 3", "forge alert 3 --resolve"},
		"lineage":      {"forge lineage churn@champion", "forge lineage --down file:customers.csv"},

		"jobs list":   {"forge jobs", "forge jobs --kind train", "forge jobs job_0a1b2c3d4e5f60718293"},
		"jobs watch":  {"forge jobs watch job_0a1b2c3d4e5f60718293"},
		"jobs cancel": {"forge jobs cancel job_0a1b2c3d4e5f60718293"},

		"token create": {"forge token create --role predict --name shop", "forge token create --role viewer --expires 720h"},
		"token list":   {"forge token list"},
		"token revoke": {"forge token revoke key_0a1b2c3d4e5f60718293"},
		"audit list":   {"forge audit", "forge audit list --limit 200"},
		"audit verify": {"forge audit verify"},
		"completion":   {`eval "$(forge completion bash)"`, "forge completion zsh > ~/.zfunc/_forge", "forge completion fish > ~/.config/fish/completions/forge.fish"},
	}
}
