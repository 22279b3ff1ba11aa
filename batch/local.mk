noinst_LIBRARIES += %D%/libbatch.a
%C%_libbatch_a_SOURCES = \
  %D%/row.h %D%/batch.c %D%/batch.h %D%/breaker.c %D%/breaker.h \
  %D%/fate.c %D%/fate.h %D%/fate_reasons.def %D%/fates.c %D%/fates.h %D%/intent.c %D%/intent.h \
  %D%/known.c %D%/known.h %D%/first.c %D%/first.h %D%/first_records.c %D%/content.c %D%/content.h \
  %D%/duplicates.c %D%/duplicates.h %D%/dead.c %D%/dead.h %D%/records.c %D%/records.h \
  %D%/columns.c %D%/columns.h %D%/order.c %D%/order.h %D%/order_keys.c \
  %D%/order_keys.h %D%/shared.c %D%/shared.h %D%/text_hash.h %D%/usage.c %D%/usage.h
%C%_libbatch_a_CPPFLAGS = $(AM_CPPFLAGS)
EXTRA_DIST += %D%/README.md
