noinst_LIBRARIES += %D%/libclickhouse.a
%C%_libclickhouse_a_SOURCES = \
  %D%/client.c %D%/client.h \
  %D%/verdict.c %D%/verdict.h %D%/verdicts.def \
  %D%/fixed.c %D%/fixed.h \
  %D%/native.c %D%/native_type.c %D%/native.h \
  %D%/native_dictionary.c %D%/native_dictionary.h %D%/native_bytes.h \
  %D%/period.c %D%/period.h \
  %D%/row_binary.c %D%/row_binary.h \
  %D%/key.c %D%/key.h \
  %D%/table.c %D%/table_risks.c %D%/table.h
%C%_libclickhouse_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
EXTRA_DIST += %D%/README.md
