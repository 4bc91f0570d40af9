noinst_LIBRARIES += %D%/libcmd.a
%C%_libcmd_a_CPPFLAGS = $(AM_CPPFLAGS) -DEF_MAN_DIR='"$(mandir)"'
%C%_libcmd_a_SOURCES = \
  %D%/accuracy.c %D%/accuracy.h \
  %D%/calibrate.c %D%/calibrate_read.c %D%/calibrate_priv.h \
  %D%/command.c %D%/command.h \
  %D%/commands.c \
  %D%/common.c %D%/common.h \
  %D%/common_scoring.c \
  %D%/export.c \
  %D%/front.c \
  %D%/help.c \
  %D%/inject.c %D%/inject_calibration.c %D%/inject_choice.c %D%/inject_exposure.c \
  %D%/inject_formats.c %D%/inject_lists.c %D%/inject_plan.c %D%/inject_prepare.c \
  %D%/inject_report.c %D%/inject_run.c \
  %D%/inject_safety.c %D%/inject_worst.c %D%/inject_protect.c \
  %D%/inject_priv.h \
  %D%/inject_sweep.c %D%/inject_sweep_lists.c %D%/inject_sweep_report.c \
  %D%/inject_sweep_priv.h \
  %D%/model.c %D%/model.h \
  %D%/nearest.c %D%/nearest.h \
  %D%/option.c %D%/option.h \
  %D%/paths.c %D%/paths.h \
  %D%/picture.c %D%/picture.h \
  %D%/schedule.c %D%/schedule.h \
  %D%/score.c \
  %D%/search.c \
  %D%/seeds.c %D%/seeds.h \
  %D%/stdout.c \
  %D%/subject.c %D%/subject.h \
  %D%/summary.c %D%/summary.h \
  %D%/train.c \
  %D%/validate.c %D%/validate_fit.c %D%/validate_report.c %D%/validate_run.c \
  %D%/validate_priv.h \
  %D%/version.c
