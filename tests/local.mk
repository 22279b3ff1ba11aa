# Unit tests: a name in this list is tests/unit/NAME.c and nothing else needs to be said. They are
# linked with every room; the linker takes what a test uses. Under ThreadSanitizer, where Criterion
# cannot run, the same files are linked with a runner of our own (tests/unit/plain_runner.c).
unit_tests = \
  %D%/unit/test_acked \
  %D%/unit/test_account \
  %D%/unit/test_admin \
  %D%/unit/test_anchor \
  %D%/unit/test_api_key \
  %D%/unit/test_args \
  %D%/unit/test_base \
  %D%/unit/test_batch \
  %D%/unit/test_bench \
  %D%/unit/test_breaker \
  %D%/unit/test_block \
  %D%/unit/test_catalog \
  %D%/unit/test_catalog_schema \
  %D%/unit/test_catalog_topic \
  %D%/unit/test_ch_client \
  %D%/unit/test_client \
  %D%/unit/test_cloudevents \
  %D%/unit/test_compatible \
  %D%/unit/test_consumer \
  %D%/unit/test_coordinator \
  %D%/unit/test_decimal \
  %D%/unit/test_decode \
  %D%/unit/test_delay \
  %D%/unit/test_err_examples \
  %D%/unit/test_event \
  %D%/unit/test_events \
  %D%/unit/test_fixed \
  %D%/unit/test_headers \
  %D%/unit/test_inflate \
  %D%/unit/test_insert \
  %D%/unit/test_intent \
  %D%/unit/test_known \
  %D%/unit/test_log \
  %D%/unit/test_long_lists \
  %D%/unit/test_loop \
  %D%/unit/test_margin \
  %D%/unit/test_mending \
  %D%/unit/test_metric \
  %D%/unit/test_metric_schema \
  %D%/unit/test_migrations \
  %D%/unit/test_native \
  %D%/unit/test_order \
  %D%/unit/test_owner \
  %D%/unit/test_partition \
  %D%/unit/test_pattern \
  %D%/unit/test_pg \
  %D%/unit/test_plain \
  %D%/unit/test_produce \
  %D%/unit/test_producer \
  %D%/unit/test_property_schema \
  %D%/unit/test_put \
  %D%/unit/test_rate \
  %D%/unit/test_read_back \
  %D%/unit/test_record \
  %D%/unit/test_route \
  %D%/unit/test_round_trip \
  %D%/unit/test_row_binary \
  %D%/unit/test_scan \
  %D%/unit/test_seen \
  %D%/unit/test_segments \
  %D%/unit/test_settings \
  %D%/unit/test_share \
  %D%/unit/test_shared \
  %D%/unit/test_siphash \
  %D%/unit/test_statement \
  %D%/unit/test_statistics \
  %D%/unit/test_status \
  %D%/unit/test_table \
  %D%/unit/test_tenants \
  %D%/unit/test_timestamp \
  %D%/unit/test_topic_check \
  %D%/unit/test_topic_moments \
  %D%/unit/test_uri \
  %D%/unit/test_usage \
  %D%/unit/test_verdict \
  %D%/unit/test_wide
if HAVE_CRITERION
check_PROGRAMS += $(unit_tests)
else
EXTRA_PROGRAMS += $(unit_tests)
endif

# The flags of every test are the flags of every program: they only add where headers are.
AM_CPPFLAGS += $(CRITERION_CFLAGS) $(COMPRESSION_CFLAGS) $(RDKAFKA_CFLAGS) $(MHD_CFLAGS) -DSRCDIR='"$(srcdir)"'

check_LIBRARIES += %D%/libsupport.a
%C%_libsupport_a_SOURCES = %D%/support/events.c %D%/support/events.h %D%/support/mock_kafka.c \
  %D%/support/mock_kafka.h %D%/support/same.h %D%/support/scripted_server.c \
  %D%/support/scripted_server.h %D%/support/text.h \
  %D%/unit/check.h
if TSAN
AM_CPPFLAGS += -DPLAIN_RUNNER
%C%_libsupport_a_SOURCES += %D%/unit/plain_runner.c %D%/unit/thrd_shim.c
unit_runner =
else
unit_runner = $(CRITERION_LIBS)
endif
LDADD = %D%/libsupport.a server/libserver.a writer/libwriter.a ledger/libledger.a batch/libbatch.a dedup/libdedup.a cli/libcli.a \
  writer/libwriter.a ledger/libledger.a batch/libbatch.a dedup/libdedup.a handlers/libhandlers.a \
  catalog/libcatalog.a kafka/libkafka.a clickhouse/libclickhouse.a postgres/libpostgres.a \
  schemas/libschemas.a embedded/libembedded.a admin/libadmin.a base/libbase.a $(unit_runner) \
  $(MHD_LIBS) $(RDKAFKA_LIBS) $(CURL_LIBS) $(LIBPQ_LIBS) $(JANSSON_LIBS) $(COMPRESSION_LIBS) \
  $(CRYPTO_LIBS) -ldl

%C%_unit_test_bench_SOURCES = %D%/unit/test_bench.c bench/latency.c bench/latency.h \
  bench/sample.c bench/sample.h bench/link.c bench/link.h bench/random_id.h

# Fuzz targets: `make check` replays their corpora, ./scripts/fuzz searches.
fuzz_sources = %D%/fuzz/fuzz.c %D%/fuzz/fuzz.h %D%/fuzz/targets.def %D%/fuzz/jansson.c \
  %D%/fuzz/jansson.h %D%/fuzz/fuzz_body.c %D%/fuzz/fuzz_clickhouse.c %D%/fuzz/fuzz_cloudevents.c \
  %D%/fuzz/fuzz_event.c %D%/fuzz/fuzz_native_type.c %D%/fuzz/fuzz_property_schema.c %D%/fuzz/fuzz_record.c \
  %D%/fuzz/fuzz_segment.c %D%/fuzz/fuzz_settings.c
EXTRA_PROGRAMS += %D%/fuzz/search
%C%_fuzz_search_SOURCES = %D%/fuzz/search.c $(fuzz_sources)
%C%_fuzz_search_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
check_PROGRAMS += %D%/fuzz/replay
%C%_fuzz_replay_SOURCES = %D%/fuzz/replay.c $(fuzz_sources)

# Values and rows as bxb-writer stores them, for tests/engine/test_native.py and test_tables.py.
EXTRA_PROGRAMS += %D%/engine/native_probe %D%/engine/store_probe

# One INSERT as bxb-writer sends it, for tests/engine/test_verdicts.py.
EXTRA_PROGRAMS += %D%/engine/insert_probe

# The official suite of JSON Schema, which ./scripts/test suite fetches.
EXTRA_PROGRAMS += %D%/suite/property_suite
EXTRA_DIST += %D%/suite/left_out.txt scripts/schema-suite

# The models of the writer's protocol.
EXTRA_DIST += %D%/model/lane.pml %D%/model/batch.pml %D%/model/variants.txt scripts/model

LOG_COMPILER = $(srcdir)/scripts/run-test
EXTRA_DIST += %D%/README.md %D%/tsan.supp %D%/unit/plain_runner.c %D%/unit/thrd_shim.c \
  %D%/fuzz/corpus %D%/support/kill_at.c

# The tests in Python: whole programs on the real engines, and the verifier.
EXTRA_DIST += %D%/pytest.ini \
  %D%/engine/conftest.py \
  %D%/engine/test_inserts.py \
  %D%/engine/test_life.py \
  %D%/engine/old_server.py \
  %D%/engine/provocations.py \
  %D%/engine/test_native.py \
  %D%/engine/test_old_server.py \
  %D%/engine/test_tables.py \
  %D%/engine/test_queries.py \
  %D%/engine/test_verdicts.py \
  %D%/flow/Partition.java \
  %D%/flow/case.py \
  %D%/flow/conftest.py \
  %D%/flow/contract.py \
  %D%/flow/examples.py \
  %D%/flow/frozen_thread.py \
  %D%/flow/error_rows.py \
  %D%/flow/fault_rows.py \
  %D%/flow/generated.py \
  %D%/flow/installation.py \
  %D%/flow/log.py \
  %D%/flow/mutations.py \
  %D%/flow/organization.py \
  %D%/flow/own_postgres.py \
  %D%/flow/requirements.txt %D%/flow/constraints.txt \
  %D%/flow/schemathesis_hooks.py \
  %D%/flow/stack.py \
  %D%/flow/store_proxy.py \
  %D%/flow/test_accept.py \
  %D%/flow/test_broker.py \
  %D%/flow/test_cli.py \
  %D%/flow/test_duplicates.py \
  %D%/flow/test_contract.py \
  %D%/flow/test_error_rows.py \
  %D%/flow/test_examples.py \
  %D%/flow/test_fault_rows.py \
  %D%/flow/test_generated.py \
  %D%/flow/test_keys.py \
  %D%/flow/test_matrix_kills.py \
  %D%/flow/test_matrix_log.py \
  %D%/flow/test_matrix_postgres.py \
  %D%/flow/test_matrix_remade.py \
  %D%/flow/test_matrix_stores.py \
  %D%/flow/test_metric.py \
  %D%/flow/test_readiness.py \
  %D%/flow/test_reject.py \
  %D%/flow/test_renew.py \
  %D%/flow/test_server_stop.py \
  %D%/flow/test_shapes.py \
  %D%/flow/test_stack.py \
  %D%/flow/test_store_errors.py \
  %D%/flow/test_tenants.py \
  %D%/flow/test_verify.py \
  %D%/flow/test_writer_kill.py \
  %D%/flow/test_writer_rests.py \
  %D%/flow/test_writers.py \
  %D%/flow/topic.py \
  %D%/flow/wire.py \
  %D%/verifier/__init__.py \
  %D%/verifier/__main__.py \
  %D%/verifier/checks.py \
  %D%/verifier/model.py \
  %D%/verifier/murmur2.py \
  %D%/verifier/rest.py \
  %D%/verifier/sources.py \
  %D%/verifier/test_murmur2.py \
  %D%/verifier/test_verifier.py
