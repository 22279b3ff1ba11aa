noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = \
  %D%/assert.c %D%/assert.h %D%/mem.c %D%/mem.h %D%/slice.h \
  %D%/err.c %D%/err.h %D%/errors.def \
  %D%/err_examples.c %D%/err_examples.h %D%/err_examples.def \
  %D%/buf.c %D%/buf.h %D%/arena.c %D%/arena.h \
  %D%/clock.c %D%/clock.h %D%/thread.c %D%/thread.h \
  %D%/log.c %D%/log.h %D%/log_events.def \
  %D%/metrics.c %D%/metrics.h %D%/metrics.def \
  %D%/settings.c %D%/settings.h %D%/settings.def %D%/units.c %D%/units.h \
  %D%/options.c %D%/options.h %D%/digest.c %D%/digest.h
%C%_libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
EXTRA_DIST += %D%/README.md
