// Elements, tables of tasks and the proof. All text goes in as text, never as HTML.

function element(name, properties = {}, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (key.includes('-') || key === 'role' || key === 'scope') made.setAttribute(key, value);
		else made[key] = value;
	}
	made.append(...children.filter((child) => child !== null && child !== undefined));
	return made;
}

const count = (number) => (number === null || number === undefined ? '–' : Number(number).toLocaleString('en-US'));

// columns: [title, class of its cells]; rows: arrays of texts or elements.
function fillTable(table, caption, columns, rows) {
	const cell = (value, i) => element(i === 0 ? 'th' : 'td', { className: columns[i][1] || '', ...(i === 0 ? { scope: 'row' } : {}) }, value ?? '–');
	table.replaceChildren(
		element('caption', {}, caption),
		element('thead', {}, element('tr', {}, ...columns.map(([title, kind]) => element('th', { scope: 'col', className: kind || '' }, title)))),
		element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map(cell)))),
	);
}

function showTasks(tasks, why, now, zone) {
	const table = document.getElementById('tasks-table');
	const summary = document.getElementById('tasks-summary');
	const more = document.getElementById('more-tasks');
	if (!tasks) {
		summary.textContent = 'The state of tasks could not be read.';
		return;
	}
	if (tasks.length === 0) {
		summary.textContent = 'There are no tasks: nothing makes bars of higher timeframes. Register symbols, and call sync_agg_state_from_registry().';
		return;
	}
	const attention = tasks.filter((task) => task.attention).length;
	const behind = Math.max(...tasks.map((task) => task.behind || 0));
	summary.textContent = `${count(tasks.length)} tasks; ${attention === 0 ? 'none needs' : `${count(attention)} need${attention === 1 ? 's' : ''}`} attention. `
		+ (behind > 0 ? `The one furthest behind its source is so by ${durationText(behind)}.` : 'None is behind its source.');
	const waits = new Map((why || []).map(([symbol, timeframe, state, explanation]) => [`${timeframe} ${symbol}`, [state, explanation]]));
	const trouble = (task) => {
		const said = [];
		if (!task.enabled) said.push('switched off');
		if (task.status !== 'idle') said.push(task.status.replace('_', ' '));
		if (task.cursor_status !== 'OK') said.push(task.cursor_status.toLowerCase().replaceAll('_', ' '));
		if (task.source_before_start) said.push('has source before its start');
		if (task.attention && said.length === 0 && task.streak === 0) said.push('no success for over an hour');
		return said.join(', ') || 'idle';
	};
	const row = (task) => {
		const [state, explanation] = waits.get(`${task.timeframe} ${task.symbol}`) || [];
		return [task.symbol, task.timeframe, task.source,
			element('span', { className: task.attention ? 'bad' : 'good' }, trouble(task)),
			task.cursor === null ? '–' : zone.text(task.cursor), task.behind > 0 ? durationText(task.behind) : '0',
			task.success === null ? 'never' : `${durationText(Math.max(0, now - task.success))} ago`,
			count(task.streak), count(task.runs), count(task.bars), count(task.skipped), count(task.late), count(task.refused),
			state ? element('details', {}, element('summary', {}, state.replaceAll('_', ' ')), explanation) : '–',
			task.error || ''];
	};
	const show = (tasksShown) => fillTable(table, 'Those that need attention come first', [['Symbol'], ['Timeframe'], ['Made of'], ['State'], ['Next window', 'time'], ['Behind', 'number'],
		['Last success', 'number'], ['Failures in a row', 'number'], ['Runs', 'number'], ['Bars made', 'number'], ['Windows skipped', 'number'],
		['Late minutes', 'number'], ['Refused', 'number'], ['Why the next bar is not there', 'long'], ['Last error', 'long']], tasksShown.map(row));
	const few = 100;
	show(tasks.slice(0, few));
	more.hidden = tasks.length <= few;
	more.textContent = `Show all ${count(tasks.length)} tasks`;
	more.onclick = () => {
		show(tasks);
		more.hidden = true;
	};
}

const AUDITS = { OK: ['Bars verified', 'good'], RED: ['Bars differ from their source', 'bad'], NOT_AUDITED: ['Not audited for a week', 'quiet'] };

function showTruth(truth, audits, unread, now, zone) {
	const facts = document.getElementById('facts');
	const fact = (name, value, kind) => element('div', {}, element('dt', {}, name), element('dd', { className: kind || '' }, value));
	if (truth) {
		const [status, kind] = AUDITS[truth.audit_status] || [truth.audit_status, ''];
		facts.replaceChildren(
			fact('Audit', status, kind),
			fact('Last audit', truth.last_audit_at === null ? 'never: SELECT agg_verify_sample()' : `${zone.text(truth.last_audit_at)}, ${count(truth.audited_windows)} windows, ${count(truth.audit_differences)} differences`),
			fact('Windows to make anew', truth.dirty_ranges_due > 0 ? `${count(truth.dirty_ranges_due)} ranges are due, the oldest for ${durationText(now - truth.oldest_dirty_range_due)}` : 'none is due', truth.dirty_ranges_due > 0 ? 'bad' : 'good'),
			fact('Changes not absorbed yet', count(truth.log_entries)),
			fact('Minutes that came late', count(truth.late_rows)),
			fact('Of them refused', count(truth.refused_rows)),
			fact('Frozen tasks', count(truth.frozen_tasks)),
			...(truth.intruders.length > 0 ? [fact('Not the extension’s own', truth.intruders.join('; '), 'bad')] : []),
		);
	} else {
		facts.replaceChildren(fact('Audit', 'could not be read'));
	}
	const table = (id, name, columns, rows) => {
		if (rows.length === 0) return;
		const made = element('table');
		fillTable(made, name, columns, rows);
		document.getElementById(id).replaceChildren(element('div', { className: 'scrolls', tabIndex: 0, role: 'region', 'aria-label': name }, made));
	};
	table('audits', 'The last audits', [['Begun', 'time'], ['Tasks', 'number'], ['Windows', 'number'], ['Differences', 'number'], ['Complete'], ['Details', 'long']],
		(audits || []).map(([at, tasks, windows, differences, complete, details]) => [zone.text(at), count(tasks), count(windows),
			element('span', { className: differences > 0 ? 'bad' : 'good' }, count(differences)), complete ? 'yes' : 'no', differences > 0 ? JSON.stringify(details) : '']));
	table('unread', 'Bars that nothing reads', [['Symbol'], ['Timeframe'], ['First', 'time'], ['Last', 'time'], ['Why', 'long']],
		(unread || []).map(([symbol, timeframe, first, last, reason]) => [symbol, timeframe, zone.text(first), zone.text(last), reason]));
}
