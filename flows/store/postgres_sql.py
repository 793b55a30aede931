"""The texts of PostgreSQL's prepared statements: each does the work of a whole batch."""

from flows.store.waits import OPEN_WAITS

# The run rows are locked first, in id order; what then finds its token under another fence or
# activation changes nothing. `seq` is raised by the rows that are really written.
# Each part hands on whole rows, so that none is joined with another: of what a part gives the
# planner knows no size, and once the tables are analyzed it would compare each with each. For the
# same reason the token's state comes with the item and the run's is looked at after it was found:
# how many run now, no statistics tell, and neither is to be searched by it.
COMMIT_MOVES = """
WITH item AS MATERIALIZED (
    SELECT item.*, 'running'::text AS claimed, r.status, r.seq
    FROM json_to_recordset(%s::json) AS item (
        n int, run bigint, token bigint, fence int, activation int, attempt int, worker bigint,
        left_step text, step text, via text, port text, data jsonb, provenance jsonb,
        began_at timestamptz, at timestamptz)
    JOIN flows_run r ON r.id = item.run
    ORDER BY r.id FOR NO KEY UPDATE OF r
), moved AS (
    UPDATE flows_token t SET step = item.step, via = item.via, since = item.at, attempt = 1,
        deaths = 0, activation = t.activation + 1,
        state = CASE item.status WHEN 'paused' THEN 'held' ELSE 'running' END
    FROM item
    WHERE item.step <> '' AND item.status IN ('running', 'paused')
        AND t.id = item.token AND t.fence = item.fence
        AND t.activation = item.activation AND t.state = item.claimed
    RETURNING item.*, t.state
), ended AS (
    DELETE FROM flows_token t USING item
    WHERE item.step = '' AND item.status IN ('running', 'paused')
        AND t.id = item.token AND t.fence = item.fence
        AND t.activation = item.activation AND t.state = item.claimed
    RETURNING item.*, 'ended'::text AS state
), accepted AS (
    SELECT * FROM moved UNION ALL SELECT * FROM ended
), entry AS (
    SELECT run, seq, n, 0 AS part, 'step.finished' AS kind, left_step AS step, token, activation,
        attempt, port, data, provenance, worker, began_at, at
    FROM accepted
    UNION ALL
    SELECT run, seq, n, 1, 'run.completed', '', NULL, NULL, NULL, '',
        '{"outcome": "", "output": null}'::jsonb, NULL, NULL, NULL, at
    FROM ended
), raised AS (
    UPDATE flows_run r SET seq = r.seq + counted.rows,
        status = CASE WHEN over THEN 'completed' ELSE r.status END,
        finished_at = CASE WHEN over THEN counted.at ELSE r.finished_at END
    FROM (
        SELECT run, count(*) AS rows, bool_or(part = 1) AS over, max(at) AS at
        FROM entry GROUP BY run
    ) counted
    WHERE r.id = counted.run
), written AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt, port, data,
        provenance, worker, began_at, at)
    SELECT run, seq + row_number() OVER (PARTITION BY run ORDER BY n, part),
        kind, step, token, activation, attempt, port, data, provenance, worker, began_at, at
    FROM entry
)
SELECT n, state FROM accepted
"""

# A claim need not be on disk. The commit of the step it leads to puts both there; and one that is
# lost with the database before is taken again, by a worker whose commit and the other's exclude
# each other by the activation.
CLAIM = """
WITH free AS MATERIALIZED (
    SELECT id FROM flows_token WHERE state = 'ready' AND priority < %s
    ORDER BY priority, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE flows_token t SET state = 'running', owner = %s, fence = t.fence + 1
    FROM free WHERE t.id = free.id
    RETURNING t.id, t.run_id, t.step, t.fence, t.activation, t.attempt, t.priority, t.visits,
        t.since, t.pending, t.deaths
)
SELECT taken.*, r.id, r.version_id, r.started_at, r.input, r.parent_wait_id
FROM taken JOIN flows_run r ON r.id = taken.run_id,
    set_config('synchronous_commit', 'off', true)
ORDER BY taken.priority, taken.id
"""

# All that a transaction wrote about runs that it has locked.
WRITE_RUNS = """
WITH written AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt, port, data,
        provenance, worker, began_at, at)
    SELECT * FROM json_to_recordset(%(journal)s::json) AS entry (
        run bigint, seq int, kind text, step text, token bigint, activation int, attempt int,
        port text, data jsonb, provenance jsonb, worker bigint, began_at timestamptz,
        at timestamptz)
), told AS (
    UPDATE flows_run r SET seq = item.seq, status = COALESCE(item.status, r.status),
        outcome = COALESCE(item.outcome, r.outcome),
        output = CASE WHEN item.status IS NULL THEN r.output ELSE item.output END,
        error = COALESCE(item.error, r.error, item.first_error),
        finished_at = COALESCE(item.finished_at, r.finished_at)
    FROM json_to_recordset(%(runs)s::json) AS item (
        id bigint, seq int, status text, outcome text, output jsonb, error jsonb,
        first_error jsonb, finished_at timestamptz)
    WHERE r.id = item.id
), moved AS (
    UPDATE flows_token t SET step = item.step, via = item.via, state = item.state,
        fence = item.fence, activation = item.activation, attempt = item.attempt,
        owner = item.owner, visits = item.visits, since = item.since, pending = item.pending,
        deaths = 0
    FROM json_to_recordset(%(tokens)s::json) AS item (
        id bigint, step text, via text, state text, fence int, activation int, attempt int,
        owner bigint, visits jsonb, since timestamptz, pending jsonb)
    WHERE t.id = item.id
), over AS (
    DELETE FROM flows_timer WHERE token_id = ANY(%(dropped)s::bigint[])
), gone AS (
    DELETE FROM flows_token WHERE id = ANY(%(dropped)s::bigint[])
)
SELECT 1
"""

# New runs begin alike: what they have in common is sent once, and the database makes the rows.
START_RUNS = """
WITH run AS MATERIALIZED (
    SELECT * FROM unnest(%(runs)s::bigint[], %(held)s::boolean[], %(priorities)s::smallint[])
        WITH ORDINALITY AS run (id, is_held, priority, n)
), told AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, port, data, at)
    SELECT id, 1, %(kind)s, '', '', %(data)s::jsonb, %(at)s FROM run
), put AS (
    INSERT INTO flows_token (run_id, step, via, state, fence, activation, attempt, deaths, owner,
        priority, visits, since, pending)
    SELECT run.id, placed.step, placed.via,
        CASE WHEN run.is_held AND placed.state = 'ready' THEN 'held' ELSE placed.state END,
        0, 1, 1, 0, NULL, run.priority, placed.visits, %(at)s, '[]'::jsonb
    FROM run CROSS JOIN json_to_recordset(%(placed)s::json) AS placed (
        n int, step text, via text, state text, visits jsonb)
    ORDER BY run.n, placed.n
)
SELECT 1
"""

# A transaction that waited for the run's lock sees the run as it is now, but the wait and the token
# as they were before: so RESOLVE_WAITS checks them once more.
LOCK_OPEN_WAIT = OPEN_WAITS + " AND w.id = %s FOR NO KEY UPDATE OF r"

RESOLVE_WAITS = """
WITH closed AS (
    UPDATE flows_wait w SET state = 'resolved', resolved_at = %(at)s
    FROM flows_token t
    WHERE w.id = ANY(%(waits)s) AND w.state = 'open' AND t.id = w.token_id
        AND t.activation = w.activation AND t.state = 'waiting' AND t.pending = '[]'::jsonb
    RETURNING w.run_id, w.token_id
), stood AS MATERIALIZED (
    SELECT t.id, t.run_id, t.step, t.activation, t.attempt
    FROM flows_token t JOIN closed ON closed.token_id = t.id
), raised AS (
    UPDATE flows_run r SET seq = r.seq + 1 FROM closed WHERE r.id = closed.run_id
    RETURNING r.id, r.seq
), written AS (
    INSERT INTO flows_journal (run_id, seq, kind, step, token_id, activation, attempt, port, data,
        provenance, at)
    SELECT raised.id, raised.seq, %(kind)s, stood.step, stood.id, stood.activation, stood.attempt,
        %(port)s, %(output)s::jsonb, %(provenance)s::jsonb, %(at)s
    FROM stood JOIN raised ON raised.id = stood.run_id
), moved AS (
    UPDATE flows_token t SET step = %(step)s, via = %(via)s, state = %(state)s, since = %(at)s,
        owner = NULL, activation = t.activation + 1, attempt = 1, deaths = 0
    FROM closed WHERE t.id = closed.token_id
), over AS (
    DELETE FROM flows_timer USING closed WHERE flows_timer.token_id = closed.token_id
)
SELECT count(*) FROM closed
"""
