noinst_LIBRARIES += %D%/libschemas.a
%C%_libschemas_a_SOURCES = \
  %D%/cloudevents.c %D%/cloudevents.h \
  %D%/decimal.c %D%/decimal.h \
  %D%/equal.c %D%/equal.h \
  %D%/escape.c %D%/escape.h \
  %D%/event.c %D%/event.h \
  %D%/event_id.c %D%/event_id.h \
  %D%/event_metric.c %D%/event_metric.h \
  %D%/fields.c %D%/fields.h \
  %D%/identifier.c %D%/identifier.h \
  %D%/keys.c %D%/keys.h \
  %D%/number.c %D%/number.h \
  %D%/pattern.c %D%/pattern.h \
  %D%/pattern_re2.cc %D%/pattern_re2.h \
  %D%/plain.c %D%/plain.h \
  %D%/property.c %D%/property.h \
  %D%/property_check.c %D%/property_node.h \
  %D%/property_document.c %D%/property_document.h \
  %D%/property_format.c %D%/property_format.h \
  %D%/property_refs.c %D%/property_refs.h \
  %D%/property_schema.c %D%/property_schema.h \
  %D%/put.c %D%/put.h \
  %D%/record.c %D%/record.h \
  %D%/scan.c %D%/scan.h \
  %D%/timestamp.c %D%/timestamp.h \
  %D%/uri.c %D%/uri.h \
  %D%/utf8.c %D%/utf8.h \
  %D%/walk.c %D%/walk.h \
  %D%/wide.h
%C%_libschemas_a_CPPFLAGS = $(AM_CPPFLAGS) $(RE2_CFLAGS)
EXTRA_DIST += %D%/README.md

# The numbered SQL, carried inside the programs (schemas/migrations.h). Within a store in the order
# of versions.
migration_files = \
  %D%/postgres/0001_catalog.sql %D%/postgres/0002_ledger.sql \
  %D%/postgres/0003_metric.sql %D%/postgres/0004_limits.sql \
  %D%/postgres/0005_metric_schema.sql \
  %D%/postgres/0006_dead_letter.sql \
  %D%/postgres/0007_batch_by_time.sql \
  %D%/postgres/0008_transaction_record.sql \
  %D%/postgres/0009_topic_in_catalog.sql \
  %D%/postgres/0010_lanes.sql \
  %D%/postgres/0011_dedup.sql \
  %D%/postgres/0012_mending.sql \
  %D%/clickhouse/0001_events_raw.sql
%C%_libschemas_a_SOURCES += %D%/migrations.c %D%/migrations.h
nodist_%C%_libschemas_a_SOURCES = %D%/migrations_sql.c
EXTRA_DIST += $(migration_files) scripts/embed-sql
CLEANFILES += %D%/migrations_sql.c
BUILT_SOURCES += %D%/migrations_sql.c
%D%/migrations_sql.c: scripts/embed-sql $(migration_files)
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	$(SHELL) $(srcdir)/scripts/embed-sql $(srcdir) $(migration_files) > $@.tmp && mv -f $@.tmp $@
