\ir ../due_tasks/floor.sql
