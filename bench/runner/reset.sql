-- This round's window is due for every task and has no bar.
\ir ../due_tasks/this_round.sql
\ir due_again.sql
