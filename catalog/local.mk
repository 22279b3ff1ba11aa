noinst_LIBRARIES += %D%/libcatalog.a
%C%_libcatalog_a_SOURCES = \
  %D%/catalog.c %D%/catalog.h \
  %D%/snapshot.c %D%/snapshot.h %D%/snapshot_postgres.c %D%/snapshot_file.c \
  %D%/organization.c %D%/organization.h %D%/api_key.c %D%/api_key.h \
  %D%/metric.c %D%/metric.h %D%/metric_schema.c %D%/metric_schema.h \
  %D%/sealed_file.c %D%/sealed_file.h \
  %D%/uuid.c %D%/uuid.h
%C%_libcatalog_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
EXTRA_DIST += %D%/README.md
