noinst_LIBRARIES += %D%/libledger.a
%C%_libledger_a_SOURCES = \
  %D%/ledger.c %D%/ledger.h %D%/ledger_internal.h %D%/ledger_batch.c %D%/ledger_claim.c %D%/ledger_dead.c \
  %D%/ledger_prune.c %D%/ledger_recall.c %D%/ledger_records.c \
  %D%/mend.c %D%/mend.h \
  %D%/roster.c %D%/roster.h %D%/share.c %D%/share.h %D%/owner.c %D%/owner.h
%C%_libledger_a_CPPFLAGS = $(AM_CPPFLAGS)
EXTRA_DIST += %D%/README.md
