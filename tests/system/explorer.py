#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-explore: the page's data against what is known of programs/hot.c, hostile names, and the page itself in headless Chromium.

A failure means that the page shows something else than what ran, that an image can put markup into it, or that a browser
does not show it. Usage: explorer.py RHEA ELF GUEST...: ELF with DWARF; of GUESTs only counts are compared. SCREENSHOT=file.png keeps a picture.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from checks import check, finish

rhea, elf = sys.argv[1], sys.argv[2]


def run(image, *options, status=0):
    p = subprocess.run([rhea, '-M', 'versatilepb', '-display', 'none', '-semihosting', '-icount', 'shift=3', '-kernel', image, *options],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    check(' '.join(options), p.returncode == status, f'status {p.returncode}, {p.stderr.decode()}')
    return p.stderr.decode()


def read(path):
    with open(path, encoding='utf-8') as f:
        page = f.read()
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1)
    check('data is ASCII', data.isascii()) # whatever names and sources hold
    return page, json.loads(data)


def counts_of(image, tmp, accel):
    """How often each address was executed, over blocks and regions."""
    path, count = os.path.join(tmp, 'counts.html'), {}
    run(image, '-explore', f'{path},top=5000', '-accel', accel)
    for b in read(path)[1]['blocks']:
        for g in b['guest']:
            count[g[0]] = count.get(g[0], 0) + g[2]
    return count


def regions_count_the_same(tmp):
    """With exceptions, code that changes, and interrupts: who counts in a region counts what blocks count."""
    for image in sys.argv[3:]:
        want = counts_of(image, tmp, 'jit,tier=1')
        for accel in ('jit', 'jit,regions-at-once=on', 'interp', 'lockstep,regions-at-once=on'):
            got = counts_of(image, tmp, accel)
            check(f'{os.path.basename(image)} {accel}', got == want,
                  [(hex(k), want.get(k), got.get(k)) for k in want.keys() | got.keys() if want.get(k) != got.get(k)][:9])


def data_is_right(tmp):
    path = os.path.join(tmp, 'e.html')
    log = run(elf, '-explore', f'{path},top=5', '-d', 'tb-stats')
    page, data = read(path)
    runs = {int(m[2], 16): (int(m[1]), int(m[0])) for m in re.findall(r'% +(\d+) +(\d+) +\d+ +\d+ +\d+  (0x\w+)', log)}
    insns = int(re.search(r'instructions run +(\d+)', log).group(1))
    check('instructions', data['insns'] == insns == data['blockInsns'], (data['insns'], insns, data['blockInsns']))
    check('top', len(data['blocks']) == 5 and data['blocks'] == sorted(data['blocks'], key=lambda b: -b['insns']))
    hot = data['blocks'][0]
    check('the hottest is a region', len(hot['parts']) >= 1 and hot['made'] and data['regionInsns'] > 0.9 * insns, hot['parts'])
    check('the hottest is the loop', data['functions'][hot['fn']]['name'] == 'spin')
    loop = 5000 * (300 + 100) # the first turn of each call begins before it
    whole = counts_of(elf, tmp, 'jit')
    check('its runs', whole[hot['pc']] == loop and runs[hot['pc']][1] == loop - 2 * 5000, (whole[hot['pc']], runs))
    check('a part has its own', hot['parts'][0][2] == hot['runs'] <= loop and hot['guest'][0][2] == hot['runs'], hot['parts'])
    check('functions add up', sum(f['insns'] for f in data['functions']) == insns)
    lines = {(os.path.basename(data['files'][str(g[3])]), g[4]) for g in hot['guest']}
    check('lines', {'hot.c'} == {f for f, _ in lines} and len(lines) == 2, lines)
    source = [data['source'][str(g[3])][str(g[4])] for g in hot['guest']]
    check('source', any('table[(x ^ i) & 255]' in s for s in source) and any('i < turns' in s for s in source), source)
    marks = set(range(hot['n']))
    for column in ('before', 'after', 'host'):
        check(f'{column} links to guest instructions', {l[0] for l in hot[column]} - {-1} <= marks and hot[column], hot[column])
    check('each is lowered', {l[0] for l in hot['before']} >= marks)
    check('host code', any(l[2].startswith('ror') or l[2].startswith('rorx') for l in hot['host']), hot['host'])
    check('slow paths', any(l[3] and l[0] >= 0 for l in hot['host']))
    check('memory', any(r['name'] == 'pl011' or 'uart' in r['name'] for r in data['memory']) and sum(r['insns'] for r in data['memory']) == insns,
          data['memory'])
    for axis in ('ns', 'insns'):
        count = {s['name']: sum(s[axis]) for s in data['time']}
        check('time', sum(count.values()) == data['samples'] and count['spin'] > 0.95 * data['samples'], count)
    check('nothing is loaded', not re.search(r'(src|href)\s*=|https?://(?!www\.w3\.org)|@import|url\(', page.split('id="data"')[0] + page.split('</script>')[-2]))
    run(elf, '-explore', path, '-accel', 'interp')
    check('interpreted', read(path)[1]['blocks'][0]['host'] is None)
    return path


NAME = '</script><img src=x onerror=document.title=1>&"\'\\'


def hostile_names(tmp):
    path, image = os.path.join(tmp, 'h.html'), os.path.join(tmp, 'h.elf')
    subprocess.run(['arm-none-eabi-objcopy', '-g', '--redefine-sym', 'spin=' + NAME, '--redefine-sym', 'heavy=h\xff\xc3\u2028', elf, image], check=True)
    run(image, '-explore', path)
    page, data = read(path)
    check('the name is itself', data['functions'][0]['name'] == NAME, data['functions'][0])
    check('no markup', page.count('<script') == 2 and '<img' not in page)
    return path


def browser(path, script, *options):
    """The document after `script` ran at its end."""
    test = path + '.test.html'
    with open(path, encoding='utf-8') as f:
        page = f.read()
    with open(test, 'w', encoding='utf-8') as f:
        f.write(page.replace('</body>', f'<script>{{ {script} }}</script></body>'))
    with tempfile.TemporaryDirectory() as profile:
        p = subprocess.run([chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', f'--user-data-dir={profile}',
                            '--hide-scrollbars', '--window-size=1600,1100', '--virtual-time-budget=4000', *options, 'file://' + test],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding='utf-8', timeout=100)
    return p.stdout


PROBE = '''
const line = document.querySelector('.col.guest .ln[data-m="2"]');
line.dispatchEvent(new MouseEvent('mouseenter'));
const lit = [...document.querySelectorAll('.col')].map(c => c.querySelectorAll('.hi').length);
line.click();
const held = document.querySelectorAll('.pin').length;
document.getElementById('search').value = 'heavy';
document.getElementById('search').oninput();
const found = document.querySelectorAll('#list .row').length;
document.getElementById('search').value = '';
document.getElementById('search').oninput();
document.getElementById('fold').click();
const groups = document.querySelectorAll('#list .group').length;
document.body.dataset.probe = JSON.stringify({lit, held, found, groups, ready: document.documentElement.dataset.ready,
	polygons: document.querySelectorAll('#plot polygon').length, memory: document.querySelectorAll('#memory tr').length});
'''


def page_works(path, hostile):
    text = re.search(r'data-probe="([^"]*)"', browser(path, PROBE, '--dump-dom'))
    probe = json.loads(text.group(1).replace('&quot;', '"')) if text else {}
    check('the page runs', bool(probe), text)
    check('hover lights all four columns', len(probe.get('lit', [])) == 4 and all(probe['lit']), probe)
    check('a click holds', probe.get('held') == sum(probe.get('lit', [0])), probe)
    check('search', 1 <= probe.get('found', 0) <= 3, probe)
    check('groups', 3 <= probe.get('groups', 0) <= 8, probe)
    check('plot and map', probe.get('polygons', 0) >= 1 and probe.get('memory', 0) > 10, probe)
    dom = browser(hostile, 'document.body.dataset.name = document.querySelector(".head h2").textContent', '--dump-dom')
    check('a hostile name is text', '<img' not in dom and 'data-name="&lt;/script&gt;' in dom.replace('</script>', '&lt;/script&gt;').replace('data-name="<', 'data-name="&lt;'),
          re.findall(r'data-name="[^"]{0,80}', dom))
    if 'SCREENSHOT' in os.environ:
        browser(path, '', f'--screenshot={os.environ["SCREENSHOT"]}')
        check('screenshot', os.path.getsize(os.environ['SCREENSHOT']) > 20000)


with tempfile.TemporaryDirectory() as folder:
    data_is_right(folder)
    regions_count_the_same(folder)
    bad = hostile_names(folder)
    full = os.path.join(folder, 'full.html')
    run(elf, '-explore', full)
    check('no directory', 'cannot write an explorer page to' in run(elf, '-explore', f'{folder}/none/e.html', status=1))
    check('top', 'expected a number from 1 to 5000' in run(elf, '-explore', f'{full},top=0', status=1))
    chromium = shutil.which('chromium')
    if chromium:
        page_works(full, bad)
    else:
        print('note: no chromium on this host (./dev setup all): the page was not looked at')
finish()
