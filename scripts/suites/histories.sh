# Random histories of concurrent sessions, against the proof and a fresh database.

export PG_CONFIG
shell_files "$ROOT"/test/histories/*.sh
