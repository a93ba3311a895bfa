# Runners and servers that are killed in the middle of their work.

export PG_CONFIG
shell_files "$ROOT"/test/crash/*.sh
