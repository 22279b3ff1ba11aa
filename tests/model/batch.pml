/* The protocol of docs/WRITER.md for batches as they are: a lane of two partitions with two records
 * each, blocks of two months, fates that depend on what was seen before and on the version that
 * decides, attempts, and stores that forget: tokens that expire, a ClickHouse that logs and renames in
 * two steps, a PostgreSQL that comes back from before.
 *
 * Record r = 2 * partition + offset, of month r & 1. Record 1 is record 0 sent again. Record 3 is
 * stored by one version of the writer and a dead letter for another.
 *
 * What must hold: no row is stored twice; what is completed is in ClickHouse, and only that; at the end
 * each record has the one fate it may have, and both stores agree.
 *
 * Rules that a variant takes away (variants.txt), and what stands there instead:
 *   PIN         fates are decided again by each owner
 *   BOUND       the ids that were seen are read from all of ClickHouse, above hwm too
 *   AFTER       ids are entered when the batch is gathered, not after its completion
 *   WHOLE       the read-back asks for one partition of the batch only
 *   EACH        rows of one block are taken for all blocks
 *   EPOCH       any writer may change the lane
 *   SETTLE      an attempt is raised while an INSERT of the block may still run
 *   PERSIST     the attempt is not written down before it is used
 *   HORIZON     a writer sends without a lease, and tokens may expire under a request
 *   IDENTITY    another PostgreSQL is not noticed
 *   SANITY      rows beyond the ledger are not looked for
 *   HAND_OVER   a lane is given up while a batch flies, and its intent is thrown away
 * Powers of the world: TWO_STEP, EVICT (how often), ROLLBACK (how often), FAULTS, CRASHES, RELEASES.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PIN
#define PIN 1
#endif
#ifndef BOUND
#define BOUND 1
#endif
#ifndef AFTER
#define AFTER 1
#endif
#ifndef WHOLE
#define WHOLE 1
#endif
#ifndef EACH
#define EACH 1
#endif
#ifndef EPOCH
#define EPOCH 1
#endif
#ifndef SETTLE
#define SETTLE 1
#endif
#ifndef PERSIST
#define PERSIST 1
#endif
#ifndef HORIZON
#define HORIZON 1
#endif
#ifndef IDENTITY
#define IDENTITY 1
#endif
#ifndef SANITY
#define SANITY 1
#endif
#ifndef HAND_OVER
#define HAND_OVER 1
#endif
#ifndef TWO_STEP
#define TWO_STEP 0
#endif
#ifndef EVICT
#define EVICT 0
#endif
#ifndef ROLLBACK
#define ROLLBACK 0
#endif
#ifndef FAULTS
#define FAULTS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RELEASES
#define RELEASES 0
#endif

#define ATTEMPTS 2
#define NOBODY 2 /* a writer that hung up */
#define range_of(f0, t0, f1, t1) ((((f0) * 3 + (t0)) * 3 + (f1)) * 3 + (t1))
#define token_of(f0, t0, f1, t1, month, attempt) \
    ((range_of(f0, t0, f1, t1) * 2 + (month)) * ATTEMPTS + (attempt))
#define LOG_LEN 41 /* bytes for all tokens, a bit each */
#define is_logged(token) ((token_log[(token) >> 3] >> ((token) & 7)) & 1)
#define log_token(token) token_log[(token) >> 3] = token_log[(token) >> 3] | (1 << ((token) & 7))
#define of_month(month) ((month) == 0 -> 5 : 10)

/* ClickHouse. Sets of records are bitmaps. */
byte rows[4];
byte token_log[LOG_LEN];
byte running[2];    /* by month: INSERTs between their log and their rename */
byte runs_for[2];   /* whose INSERT each of ClickHouse's threads runs */

/* PostgreSQL: the lane's row, what is counted, and an older state of both */
byte epoch = 0, hwm0 = 0, hwm1 = 0, batch_seq = 0, counted = 0, dead = 0;
bool pending = false;
byte intent_f0, intent_t0, intent_f1, intent_t1, intent_stored, intent_dead;
byte attempts[2];
byte old_hwm0 = 0, old_hwm1 = 0, old_seq = 0, old_counted = 0, old_dead = 0;
bit timeline = 0, lane_timeline = 0; /* the server's, and the one that the lane was owned under */

byte faults = FAULTS, crashes = CRASHES, evictions = EVICT, rollbacks = ROLLBACK, releases = RELEASES;
bool aims[2];       /* a writer between its proof that nothing landed and its request */
chan requests = [2] of { byte, short, byte, byte }; /* writer, token, rows, month */
chan answers[3] = [1] of { bit };

inline store(what)
{
    i = 0;
    do
    :: i < 4 ->
        if :: (what >> i) & 1 -> rows[i]++; assert(rows[i] <= 1) :: else fi;
        i++
    :: else -> i = 0; break
    od
}

inline answer_ok(to_whom)
{
    if
    :: to_whom < NOBODY && empty(answers[to_whom]) -> answers[to_whom]!1
    :: skip /* the answer is lost */
    fi
}

inline requests_die()
{
    do
    :: nempty(requests) -> requests?_, _, _, _
    :: empty(requests) -> break
    od
}

/* The writer closes its connection: its requests may still be executed. */
inline hang_up()
{
    d_step {
        if :: runs_for[0] == me -> runs_for[0] = NOBODY :: else fi;
        if :: runs_for[1] == me -> runs_for[1] = NOBODY :: else fi;
        left = len(requests);
        do
        :: left > 0 ->
            requests?q_writer, q_token, q_rows, q_month;
            if
            :: q_writer == me -> requests!NOBODY, q_token, q_rows, q_month
            :: else -> requests!q_writer, q_token, q_rows, q_month
            fi;
            left--
        :: else -> break
        od;
        do
        :: nempty(answers[me]) -> answers[me]?_
        :: empty(answers[me]) -> break
        od;
        aims[me] = false;
        q_writer = 0; q_token = 0; q_rows = 0; q_month = 0; left = 0
    }
}

#define nothing_on_its_way (len(requests) == 0 && running[0] + running[1] == 0)

proctype clickhouse(byte id)
{
    byte who, what, i, month;
    short token;
end_idle:
    do
    :: atomic {
        requests??who, token, what, month ->
        if
        :: is_logged(token) -> answer_ok(who)
        :: !is_logged(token) ->
            if
#if TWO_STEP
            :: log_token(token); running[month]++; runs_for[id] = who; goto rename
#else
            :: log_token(token); store(what); answer_ok(who)
#endif
            :: faults > 0 -> faults--; log_token(token); requests_die() /* killed before the rename */
            :: faults > 0 -> faults--; log_token(token)                 /* the rename fails */
            fi
        fi;
        who = 0; token = 0; what = 0; i = 0; month = 0
       }
#if EVICT
    :: atomic {
        evictions > 0 && (!HORIZON || (nothing_on_its_way && !aims[0] && !aims[1])) ->
        evictions--;
        do :: i < LOG_LEN -> token_log[i] = 0; i++ :: else -> i = 0; break od
       }
#endif
#if ROLLBACK
    :: atomic { /* a standby without the last commits is promoted */
        rollbacks > 0 && old_seq < batch_seq ->
        rollbacks--;
        hwm0 = old_hwm0; hwm1 = old_hwm1; batch_seq = old_seq; counted = old_counted; dead = old_dead;
        pending = false; timeline = 1
       }
#endif
    od;
#if TWO_STEP
rename:
    atomic {
        running[month]--; store(what); who = runs_for[id]; runs_for[id] = NOBODY; answer_ok(who);
        who = 0; token = 0; what = 0; i = 0; month = 0
    }
    goto end_idle
#endif
}

/* The fates of the range that was gathered; what is neither stored nor dead is a duplicate. */
inline decide()
{
    stored = 0; to_dead = 0;
    if :: f0 == 0 && t0 > 0 && !seen -> stored = stored | 1 :: else fi;
    if :: f0 <= 1 && t0 == 2 && !(seen || f0 == 0) -> stored = stored | 2 :: else fi;
    if :: f1 == 0 && t1 > 0 -> stored = stored | 4 :: else fi;
    if :: f1 <= 1 && t1 == 2 -> if :: stored = stored | 8 :: to_dead = 8 fi :: else fi
}

#define any_of(what) (((what) & 1 && rows[0]) || ((what) & 2 && rows[1]) || \
                      ((what) & 4 && rows[2]) || ((what) & 8 && rows[3]))
#define range0 (((f0 == 0 && t0 > 0) -> 1 : 0) | ((f0 <= 1 && t0 == 2) -> 2 : 0))
#define range1 (((f1 == 0 && t1 > 0) -> 4 : 0) | ((f1 <= 1 && t1 == 2) -> 8 : 0))
#define ranges (WHOLE -> (range0 | range1) : ((t0 > f0) -> range0 : range1))
#define landed any_of((EACH -> ranges & of_month(month) : ranges))
#define end0 (pending -> intent_t0 : hwm0)
#define end1 (pending -> intent_t1 : hwm1)
#define beyond ((rows[0] && end0 < 1) || (rows[1] && end0 < 2) || (rows[2] && end1 < 1) || (rows[3] && end1 < 2))
#define owns (((epoch == my_epoch && batch_seq == my_seq) || !EPOCH) && (my_timeline == timeline || !IDENTITY))
#define leased (epoch == my_epoch)
#define may_crash if :: crashes > 0 -> crashes--; seen = false; goto acquire :: true fi
#define all_done (hwm0 == 2 && hwm1 == 2)

proctype writer(byte me)
{
    short q_token;
    byte my_epoch, my_seq, f0, t0, f1, t1, stored, to_dead, attempt, month, left, q_writer, q_rows, q_month, i;
    bool fresh, seen, first;
    bit my_timeline;

acquire:
    hang_up();
    atomic { epoch++; my_epoch = epoch; my_timeline = timeline }
    if
    :: IDENTITY && lane_timeline != my_timeline -> nothing_on_its_way /* the horizon */
    :: else
    fi;
    atomic {
        if :: !leased || (IDENTITY && my_timeline != timeline) -> goto done :: else fi;
        lane_timeline = my_timeline;
        my_seq = batch_seq; attempt = 0; month = 0;
        seen = ((!AFTER && seen) || hwm0 > 0 || (!BOUND && rows[0] > 0));
        f0 = 0; t0 = 0; f1 = 0; t1 = 0; stored = 0; to_dead = 0;
        if :: SANITY && beyond -> goto done :: else fi;
        if :: all_done -> goto done :: else fi;
        fresh = !pending; first = fresh;
        if
        :: pending ->
            f0 = intent_f0; t0 = intent_t0; f1 = intent_f1; t1 = intent_t1;
            if :: PIN -> stored = intent_stored; to_dead = intent_dead :: else -> decide() fi
        :: else
        fi
    }
announce:
    atomic {
        if
        :: fresh ->
            f0 = hwm0; f1 = hwm1; month = 0; attempt = 0; first = true;
            if :: t0 = f0 :: f0 < 2 -> t0 = f0 + 1 :: f0 < 1 -> t0 = 2 fi;
            if :: t1 = f1 :: f1 < 2 -> t1 = f1 + 1 :: f1 < 1 -> t1 = 2 fi;
            if :: t0 == f0 && t1 == f1 -> if :: f0 < 2 -> t0 = f0 + 1 :: else -> t1 = f1 + 1 fi :: else fi;
            decide();
#if !AFTER
            seen = seen || t0 > 0;
            if :: crashes > 0 -> crashes--; goto acquire :: true fi; /* the lane is lost, its memory is not */
#endif
            if
            :: owns ->
                pending = true;
                intent_f0 = f0; intent_t0 = t0; intent_f1 = f1; intent_t1 = t1;
                attempts[0] = 0; attempts[1] = 0;
                if :: PIN -> intent_stored = stored; intent_dead = to_dead :: else fi
            :: else -> goto done
            fi
        :: else
        fi;
        may_crash
    }
block:
    atomic {
        do :: month < 2 && !(stored & of_month(month)) -> month++ :: else -> break od;
        if :: month == 2 -> goto complete :: else fi;
        attempt = ((PERSIST && leased) -> attempts[month] : 0);
        if :: first -> aims[me] = true :: else -> goto read_back fi
    }
send:
    atomic {
        aims[me] = false;
        if :: HORIZON && !leased -> goto done :: else fi;
        if
        :: nfull(requests) ->
            requests!me, token_of(f0, t0, f1, t1, month, attempt), (stored & of_month(month)), month
        :: full(requests) -> goto done
        fi;
        may_crash
    }
#if RELEASES
    if
    :: atomic { releases > 0 && !HAND_OVER && owns -> releases--; pending = false; goto acquire }
    :: skip
    fi;
#endif
    if
    :: atomic { answers[me]?_ -> if :: first -> month++; goto block :: else -> goto accepted fi }
    :: atomic { true -> hang_up(); first = false; goto read_back } /* no answer, or an error */
    fi;
accepted: /* 200 to a token that was used before proves nothing */
    atomic {
        if :: SETTLE -> (running[month] == 0) :: else fi;
        if
        :: landed -> month++; first = fresh; goto block
        :: else ->
            if :: attempt == ATTEMPTS - 1 -> goto done :: else fi;
            if :: PERSIST && !leased -> goto done :: else fi;
            attempt++;
            if :: PERSIST -> attempts[month] = attempt :: else fi;
            aims[me] = true;
            goto send
        fi
    }
read_back:
    atomic {
        if
        :: landed -> month++; first = fresh; goto block
        :: else -> aims[me] = true; goto send
        fi
    }
complete:
    atomic {
        may_crash;
        if
        :: owns ->
            do
            :: i < 4 ->
                assert(!((stored >> i) & 1) || rows[i] == 1);
                assert(!((to_dead >> i) & 1) || rows[i] == 0);
                i++
            :: else -> i = 0; break
            od;
            assert((counted & stored) == 0);
            old_hwm0 = hwm0; old_hwm1 = hwm1; old_seq = batch_seq; old_counted = counted; old_dead = dead;
            counted = counted | stored; dead = dead | to_dead;
            hwm0 = t0; hwm1 = t1; batch_seq++; my_seq = batch_seq; pending = false;
            intent_f0 = 0; intent_t0 = 0; intent_f1 = 0; intent_t1 = 0; intent_stored = 0; intent_dead = 0;
            seen = hwm0 > 0;
            fresh = true; f0 = 0; t0 = 0; f1 = 0; t1 = 0; stored = 0; to_dead = 0; month = 0; attempt = 0
        :: else -> goto done
        fi;
        if :: !all_done -> goto handing_over :: else fi;
        assert((counted & 7) == 5);
        assert(((counted >> 3) & 1) + ((dead >> 3) & 1) == 1);
        assert(rows[0] == 1 && rows[1] == 0 && rows[2] == 1 && rows[3] == ((counted >> 3) & 1));
        goto done
    }
handing_over:
#if RELEASES
    if
    :: atomic { releases > 0 -> releases--; seen = false; goto acquire } /* given up between two batches */
    :: goto announce
    fi;
#else
    goto announce;
#endif
done:
    skip
}

init {
    atomic {
        runs_for[0] = NOBODY; runs_for[1] = NOBODY;
        run clickhouse(0);
#if TWO_STEP
        run clickhouse(1);
#endif
        run writer(0); run writer(1)
    }
}
