-- This round's window is due for every task and has no bar.
\ir this_round.sql
\ir ../runner/due_again.sql
