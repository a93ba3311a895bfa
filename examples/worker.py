#!/usr/bin/env python3
"""A worker outside the database: asks what is due, claims each task, catches it up, finishes it.

    ./worker.py "dbname=market user=worker" [ENVIRONMENT]

Needs psycopg 3 (Debian: python3-psycopg). Any number of workers may run at the same time. Each call is a
transaction of its own: what is committed stays, whatever happens to the worker afterwards. The role needs
EXECUTE on the functions and no rights on the tables.
"""

import sys
import time

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

WINDOWS_A_CALL = 1000
SUMS = ("windows_processed", "bars_created", "bars_quality_poor")
# Errors that are not the task's fault: it runs again soon, and its streak of failures stays.
TRANSIENT_CLASSES = ("08", "0A", "25", "28", "3F", "40", "42", "53", "55", "57", "58", "F0")


def one(connection, sql, *arguments):
    """The single value that a call returns, committed."""
    with connection.transaction(), connection.cursor() as cursor:
        return cursor.execute(sql, arguments).fetchone()[0]


def run(connection, symbol, timeframe, claim):
    cursor_utc = claim["last_agg_bar_ts_utc"] or one(connection, "SELECT agg_bootstrap_cursor(%s, %s)", symbol, timeframe)
    stats = dict.fromkeys(SUMS, 0)
    while True:
        answer = one(connection, "SELECT catchup_aggregation_range(%s, %s, %s, %s)", symbol, timeframe, cursor_utc, WINDOWS_A_CALL)
        cursor_utc = answer["cursor_advanced_to"]
        for key in SUMS:
            stats[key] += answer[key]
        if not answer["continue"]:
            break
        one(connection, "SELECT agg_heartbeat(%s, %s, %s)", symbol, timeframe, claim["claim_token"])
    one(connection, "SELECT agg_finish(%s, %s, true, %s, %s, p_claim_token => %s)", symbol, timeframe, cursor_utc, Jsonb(stats), claim["claim_token"])
    return stats


def fail(connection, symbol, timeframe, claim, error):
    """Records why the task failed; a task whose row makes no sense cannot even be finished, and is left for an operator."""
    kind = "transient" if (error.sqlstate or "08")[:2] in TRANSIENT_CLASSES else "hard"
    try:
        one(connection, "SELECT agg_finish(%s, %s, false, p_fail_kind => %s, p_error => %s, p_claim_token => %s)",
            symbol, timeframe, kind, str(error), claim["claim_token"])
    except psycopg.Error as another:
        print(f"{symbol}/{timeframe}: not recorded: {another}", file=sys.stderr, flush=True)


def work(connection, environment):
    """Works on what is due now; how many tasks that were."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute("SELECT canonical_symbol, timeframe FROM agg_get_due_tasks(%s)", (environment,)).fetchall()
    done = 0
    for task in due:
        symbol, timeframe = task["canonical_symbol"], task["timeframe"]
        claim = {"claim_token": None}
        try:
            claim = one(connection, "SELECT agg_start(%s, %s)", symbol, timeframe)
            if not claim["success"]:
                continue  # another worker was faster
            stats = run(connection, symbol, timeframe, claim)
            print(f"{symbol}/{timeframe}: {stats['bars_created']} bars", flush=True)
            done += stats["windows_processed"] > 0
        except psycopg.Error as error:
            if connection.closed:
                raise  # the claim grows old and is released
            fail(connection, symbol, timeframe, claim, error)
            print(f"{symbol}/{timeframe}: {error}", file=sys.stderr, flush=True)
    return done


def main():
    conninfo = sys.argv[1]
    environment = sys.argv[2] if len(sys.argv) > 2 else "prod"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            if not work(connection, environment):
                time.sleep(5)


if __name__ == "__main__":
    main()
