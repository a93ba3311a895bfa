# What runs the runner: the background worker, and pg_cron.

export PG_CONFIG
shell_files "$ROOT"/test/worker/*.sh
