noinst_LIBRARIES += %D%/libdedup.a
%C%_libdedup_a_SOURCES = \
  %D%/siphash.c %D%/siphash.h %D%/seen_id.c %D%/seen_id.h %D%/seen.c %D%/seen.h \
  %D%/run.c %D%/run.h %D%/seen_load.c %D%/seen_load.h %D%/segment.c %D%/segment.h \
  %D%/segments.c %D%/segments.h
%C%_libdedup_a_CPPFLAGS = $(AM_CPPFLAGS)
EXTRA_DIST += %D%/README.md
