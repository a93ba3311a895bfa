# Behaviour on tables that were there before: what an older system's database looks like, plain and partitioned.

files=()
for name in adopted_first_bar catch_up_reasons catch_up_unchanged dxy_errors dxy_formula late_bars late_capture late_dxy \
	events operators runner runner_failures symbols_are_data task_due_order task_failures task_life_cycle task_next_run verify_and_why; do
	files+=("$ROOT/test/pgtap/$name.sql")
done
SHAPE=deployed pgtap_files "${files[@]}"
SHAPE='deployed -vpartitioned=1' pgtap_files "${files[@]}"
