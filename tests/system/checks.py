# SPDX-License-Identifier: Apache-2.0
"""Checks of one test script: each says what it looked at; finish() counts them and exits, with status 1 when one failed or none was made."""
import sys

_results = []


def check(what, good, detail=''):
    _results.append(bool(good))
    print(('ok   ' if good else 'FAIL ') + what + ('' if good else f': {str(detail)[:2000]}'))


def finish():
    failed = _results.count(False)
    print(f'{len(_results)} checks, {failed} failed')
    sys.exit(failed != 0 or not _results)
