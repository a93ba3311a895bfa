# Taking over an older system's database, and giving it back.

shell_files "$ROOT"/test/adoption/*.sh
