noinst_LIBRARIES += %D%/libpostgres.a
%C%_libpostgres_a_SOURCES = \
  %D%/pg.c %D%/pg.h %D%/pg_array.c %D%/pg_columns.c %D%/pg_columns.h %D%/pg_result.c %D%/sqlstates.def
%C%_libpostgres_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBPQ_CFLAGS)
EXTRA_DIST += %D%/README.md
