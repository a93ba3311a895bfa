# Several sessions, and what outlives one: shell scripts against the private server.

shell_files "$ROOT"/test/sessions/*.sh
