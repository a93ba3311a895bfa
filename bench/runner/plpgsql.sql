\ir ../due_tasks/plpgsql.sql
