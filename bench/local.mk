# Programs to measure with; none is built by `make`, installed or run by `make check`.
bench_programs = %D%/bench-parse %D%/bench-load %D%/bench-floor %D%/bench-broker \
  %D%/bench-drain %D%/bench-dedup %D%/bench-remember
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
bench-programs: $(bench_programs)
.PHONY: bench-programs

%C%_bench_parse_SOURCES = %D%/parse.c %D%/sample.c %D%/sample.h
%C%_bench_parse_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_bench_parse_LDADD = schemas/libschemas.a base/libbase.a $(JANSSON_LIBS) $(CRYPTO_LIBS)
# Linked by the C compiler, as the programs are, although one file is C++.
%C%_bench_parse_LINK = $(LINK)
if HAVE_SIMDJSON
%C%_bench_parse_SOURCES += %D%/dom.cc %D%/dom.h
%C%_bench_parse_CPPFLAGS += $(SIMDJSON_CFLAGS) -DHAVE_SIMDJSON
%C%_bench_parse_LDADD += $(SIMDJSON_LIBS)
endif
EXTRA_DIST += %D%/dom.cc %D%/dom.h

%C%_bench_load_SOURCES = %D%/load.c %D%/link.c %D%/link.h %D%/latency.c %D%/latency.h \
  %D%/sample.c %D%/sample.h
%C%_bench_load_LDADD = base/libbase.a $(CRYPTO_LIBS)

%C%_bench_floor_SOURCES = %D%/floor.c
%C%_bench_floor_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS) $(RDKAFKA_CFLAGS)
%C%_bench_floor_LDADD = kafka/libkafka.a base/libbase.a $(MHD_LIBS) $(RDKAFKA_LIBS) \
  $(JANSSON_LIBS) $(CRYPTO_LIBS)

%C%_bench_broker_SOURCES = %D%/broker.c %D%/latency.c %D%/latency.h %D%/sample.c %D%/sample.h
%C%_bench_broker_CPPFLAGS = $(AM_CPPFLAGS) $(RDKAFKA_CFLAGS)
%C%_bench_broker_LDADD = base/libbase.a $(RDKAFKA_LIBS) $(CRYPTO_LIBS)

%C%_bench_drain_SOURCES = %D%/drain.c
%C%_bench_drain_CPPFLAGS = $(AM_CPPFLAGS) $(RDKAFKA_CFLAGS)
%C%_bench_drain_LDADD = base/libbase.a $(RDKAFKA_LIBS) $(CRYPTO_LIBS)

%C%_bench_dedup_SOURCES = %D%/dedup.c %D%/random_id.h
%C%_bench_dedup_LDADD = dedup/libdedup.a base/libbase.a $(COMPRESSION_LIBS) $(CRYPTO_LIBS)

%C%_bench_remember_SOURCES = %D%/remember.c %D%/random_id.h
%C%_bench_remember_LDADD = dedup/libdedup.a base/libbase.a $(COMPRESSION_LIBS) $(CRYPTO_LIBS)

EXTRA_DIST += %D%/README.md %D%/FIGURES.md %D%/tools.py %D%/scene.py %D%/end_to_end.py %D%/recovery.py %D%/growth.py \
  %D%/axum/Cargo.toml %D%/axum/src/main.rs scripts/bench
