# Too little of something: memory, locks, disk, the right to write. An answer or a clear error, and nothing lost.

export PG_CONFIG
shell_files "$ROOT"/test/adversity/*.sh
