# Unit tests: a name in this list is tests/unit/NAME.c and nothing else needs to be said. They are
# linked with every room; the linker takes what a test uses. Under ThreadSanitizer, where Criterion
# cannot run, the same files are linked with a runner of our own (tests/unit/plain_runner.c).
unit_tests = \
  %D%/unit/test_base \
  %D%/unit/test_log \
  %D%/unit/test_settings
if HAVE_CRITERION
check_PROGRAMS += $(unit_tests)
else
EXTRA_PROGRAMS += $(unit_tests)
endif

# The flags of every test are the flags of every program: they only add where headers are.
AM_CPPFLAGS += $(CRITERION_CFLAGS) $(RDKAFKA_CFLAGS) $(MHD_CFLAGS) -DSRCDIR='"$(srcdir)"'

check_LIBRARIES += %D%/libsupport.a
%C%_libsupport_a_SOURCES = %D%/unit/check.h
if TSAN
AM_CPPFLAGS += -DPLAIN_RUNNER
%C%_libsupport_a_SOURCES += %D%/unit/plain_runner.c %D%/unit/thrd_shim.c
unit_runner =
else
unit_runner = $(CRITERION_LIBS)
endif
LDADD = %D%/libsupport.a \
  \
  base/libbase.a $(unit_runner) \
  $(MHD_LIBS) $(RDKAFKA_LIBS) $(CURL_LIBS) $(LIBPQ_LIBS) $(JANSSON_LIBS) $(COMPRESSION_LIBS) \
  $(CRYPTO_LIBS) -ldl

LOG_COMPILER = $(srcdir)/scripts/run-test
EXTRA_DIST += %D%/README.md %D%/tsan.supp %D%/unit/plain_runner.c %D%/unit/thrd_shim.c
