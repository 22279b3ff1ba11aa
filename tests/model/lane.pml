/* The protocol of docs/WRITER.md for a lane of one partition: two writers that race, die and come
 * back, requests and answers that get lost, and a ClickHouse that keeps a token without its rows.
 *
 * What must hold: no row is stored twice, and no range is completed of which a row is missing.
 *
 * Rules that a variant takes away (variants.txt): TOKEN, READ_BACK, INTENT, EPOCH.
 * Powers that a variant gives to the world: CUT_BODIES (a format that is stored row by row),
 * POWER_CUTS (the part is on disk, its token is not). FAULTS and CRASHES are how many there are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OFFSETS
#define OFFSETS 2
#endif
#ifndef FAULTS
#define FAULTS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef TOKEN
#define TOKEN 1
#endif
#ifndef READ_BACK
#define READ_BACK 1
#endif
#ifndef INTENT
#define INTENT 1
#endif
#ifndef EPOCH
#define EPOCH 1
#endif
#ifndef CUT_BODIES
#define CUT_BODIES 0
#endif
#ifndef POWER_CUTS
#define POWER_CUTS 0
#endif

#define ATTEMPTS 3
#define NOBODY 2 /* a writer that hung up: its request may still be executed, its answer is for no one */
#define token_of(from, to, attempt) (((from) * (OFFSETS + 1) + (to)) * ATTEMPTS + (attempt))

/* ClickHouse */
byte rows[OFFSETS];
bool logged[OFFSETS * (OFFSETS + 1) * ATTEMPTS];

/* PostgreSQL: the lane's row */
byte epoch = 0, hwm = 0;
bool pending = false;
byte intent_from = 0, intent_to = 0;

byte faults = FAULTS, crashes = CRASHES;
chan requests = [3] of { byte, byte, byte, byte }; /* writer, from, to, attempt */
chan answers[3] = [1] of { bit };

inline store(first, end)
{
    row = first;
    do
    :: row < end -> rows[row]++; assert(rows[row] <= 1); row++
    :: else -> row = 0; break
    od
}

inline answer_ok(to_whom)
{
    if
    :: to_whom < NOBODY && empty(answers[to_whom]) -> answers[to_whom]!1
    :: skip /* the answer is lost */
    fi
}

/* ClickHouse is killed: what was on its way to it is gone. */
inline requests_die()
{
    do
    :: nempty(requests) -> requests?_, _, _, _
    :: empty(requests) -> break
    od
}

/* The writer closes its connection. */
inline hang_up()
{
    d_step {
        left = len(requests);
        do
        :: left > 0 ->
            requests?q_writer, q_from, q_to, q_attempt;
            if
            :: q_writer == me -> requests!NOBODY, q_from, q_to, q_attempt
            :: else -> requests!q_writer, q_from, q_to, q_attempt
            fi;
            left--
        :: else -> break
        od;
        do
        :: nempty(answers[me]) -> answers[me]?_
        :: empty(answers[me]) -> break
        od;
        q_writer = 0; q_from = 0; q_to = 0; q_attempt = 0; left = 0
    }
}

active proctype clickhouse()
{
    byte writer, first, end, attempt, row;
end_idle:
    do
    :: atomic {
        requests??writer, first, end, attempt ->
        if
        :: TOKEN && logged[token_of(first, end, attempt)] -> answer_ok(writer)
        :: !(TOKEN && logged[token_of(first, end, attempt)]) ->
            if
            :: logged[token_of(first, end, attempt)] = true; store(first, end); answer_ok(writer)
            :: faults > 0 -> /* killed between its log and the rename */
                faults--; logged[token_of(first, end, attempt)] = true; requests_die()
            :: faults > 0 -> /* the rename fails, an error is answered */
                faults--; logged[token_of(first, end, attempt)] = true
#if POWER_CUTS
            :: faults > 0 -> faults--; store(first, end); requests_die()
#endif
#if CUT_BODIES
            :: faults > 0 && end > first + 1 ->
                faults--; logged[token_of(first, end, attempt)] = true; store(first, first + 1)
#endif
            fi
        fi;
        writer = 0; first = 0; end = 0; attempt = 0
       }
    od
}

#define owns (epoch == my_epoch || !EPOCH)
#define landed (rows[from] > 0)
#define may_crash if :: crashes > 0 -> crashes--; goto acquire :: true fi

proctype writer(byte me)
{
    byte my_epoch, my_hwm, from, to, attempt, row, left, q_writer, q_from, q_to, q_attempt;
    bool fresh; /* this run has announced the batch itself */

acquire:
    atomic {
        hang_up();
        epoch++;
        my_epoch = epoch; my_hwm = hwm; from = intent_from; to = intent_to; attempt = 0;
        fresh = !(pending && INTENT);
        if :: my_hwm >= OFFSETS -> goto done :: else fi
    }
announce:
    atomic {
        if
        :: fresh -> /* where a batch ends is chance */
            from = my_hwm;
            if :: to = from + 1 :: from + 2 <= OFFSETS -> to = from + 2 fi;
#if INTENT
            if :: owns -> pending = true; intent_from = from; intent_to = to :: else -> goto done fi
#endif
        :: else
        fi;
        attempt = 0;
        may_crash;
        if :: !fresh -> goto read_back :: else fi
    }
send:
    atomic {
        if
        :: nfull(requests) -> requests!me, from, to, attempt
        :: full(requests) -> goto done
        fi;
        may_crash
    }
    if
    :: atomic { answers[me]?_ -> if :: fresh || !READ_BACK -> goto complete :: else -> goto accepted fi }
    :: atomic { true -> hang_up(); fresh = false; goto read_back } /* no answer, or an error */
    fi;
accepted: /* 200 to a token that was used before proves nothing */
    atomic {
        if
        :: landed -> goto complete
        :: !landed -> if :: attempt < ATTEMPTS - 1 -> attempt++; goto send :: else -> goto done fi
        fi
    }
read_back:
    atomic { if :: READ_BACK && landed -> goto complete :: else -> goto send fi }
complete:
    atomic {
        may_crash;
        if
        :: owns ->
            row = from;
            do :: row < to -> assert(rows[row] == 1); row++ :: else -> break od;
            row = 0;
            hwm = to; pending = false; my_hwm = to; fresh = true; from = 0; to = 0; attempt = 0
        :: else -> goto done
        fi;
        if :: my_hwm >= OFFSETS -> goto done :: else -> goto announce fi
    }
done:
    skip
}

init { atomic { run writer(0); run writer(1) } }
