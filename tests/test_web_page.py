"""The page's files: its languages are complete, and nothing in it can become a script."""

import json
import re
from pathlib import Path

import pytest

import chatd
from modules import running_modules

SOURCE = Path(chatd.__file__).parent
STATIC = SOURCE / "web" / "static"
MODULES = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("js/*.js")}
PAGE = (STATIC / "index.html").read_text(encoding="utf-8")
STYLE = (STATIC / "app.css").read_text(encoding="utf-8")
CATALOGUES = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in STATIC.glob("lang/*.json")
}
ENGLISH = CATALOGUES["en"]

# The plural categories of CLDR.
PLURALS = {
    "en": {"one", "other"},
    "pl": {"one", "few", "many", "other"},
    "cs": {"one", "few", "many", "other"},
    "ru": {"one", "few", "many", "other"},
    "fa": {"one", "other"},
}

# Keys of which the modules know a part only: the rest is an event's name, or a failure's code.
BUILT = re.compile(r"news\.\w+|failed\.[a-z-]+|rooms\.\w+\.of")
KEY = re.compile(r"[a-z]+(?:\.[a-z-]+)+|quit")
OTHERS = re.compile(r".+\.(?:js|svg|json)|chatd\.\w+|(?:button|div|span)\..+")  # files and elements


def keys_in_page():
    return set(re.findall(r'data-t(?:-label|-hint)?="([^"]+)"', PAGE))


def keys_in_modules():
    literals = {text for code in MODULES.values() for text in re.findall(r'"([^"\n]*)"', code)}
    return {text for text in literals if KEY.fullmatch(text) and not OTHERS.fullmatch(text)}


def texts(entry):
    return entry.values() if isinstance(entry, dict) else [entry]


@pytest.mark.parametrize("language", PLURALS)
def test_a_catalogue_has_every_text(language):
    assert set(CATALOGUES[language]) == set(ENGLISH)
    assert all(text.strip() for entry in CATALOGUES[language].values() for text in texts(entry))


@pytest.mark.parametrize("language", PLURALS)
def test_numbers_have_every_plural(language):
    for key, entry in CATALOGUES[language].items():
        assert isinstance(entry, dict) == isinstance(ENGLISH[key], dict), key
        if isinstance(entry, dict):
            assert set(entry) == PLURALS[language], key


@pytest.mark.parametrize("language", PLURALS)
def test_texts_have_the_same_places_to_fill(language):
    for key, entry in CATALOGUES[language].items():
        wanted = set(re.findall(r"\{\w+\}", next(iter(texts(ENGLISH[key])))))
        for text in texts(entry):
            assert set(re.findall(r"\{\w+\}", text)) == wanted, (key, text)


def test_the_page_offers_these_languages():
    offered = re.search(r"LANGUAGES = \{(.*?)\}", MODULES["i18n.js"], re.DOTALL)[1]
    assert set(re.findall(r"(\w+):", offered)) == set(CATALOGUES) == set(PLURALS)


def test_every_text_that_is_asked_for_is_there():
    assert not (keys_in_page() | keys_in_modules()) - set(ENGLISH)


def test_every_text_is_asked_for():
    asked = keys_in_page() | keys_in_modules()
    assert not {key for key in ENGLISH if key not in asked and not BUILT.fullmatch(key)}


def test_failures_that_are_translated_are_those_of_the_server():
    folders = (SOURCE, SOURCE.parent / "plugins" / "chatd_plugins")
    code = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    known = set(re.findall(r'"([a-z-]+)"', code)) | {"closed"}  # that one is the page's own
    codes = {key.removeprefix("failed.") for key in ENGLISH if key.startswith("failed.")}
    assert not codes - known


# Failures that no user of the page meets: of programs, and of clients of other protocols.
LEFT_OUT = {"bad-json", "bad-message", "bad-utf8", "ended", "error", "logged-in", "login"}
LEFT_OUT |= {"not-logged-in", "unknown-chunk"}


def test_failures_of_the_server_are_translated():
    folders = (SOURCE, SOURCE.parent / "plugins" / "chatd_plugins")
    code = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    raised = r'(?:CommandError|Failed|Goodbye)\(\s*"([a-z0-9-]+)"|_send_away\(\w+, "([a-z]+)"'
    codes = {code for found in re.findall(raised, code) for code in found if code}
    assert {"kicked", "banned", "muted", "bad-name", "nick-taken"} <= codes
    assert {code for code in codes if f"failed.{code}" not in ENGLISH} == LEFT_OUT


def test_the_page_shows_its_english_before_it_has_a_language():
    for key, text in re.findall(r'data-t="([^"]+)"[^>]*>([^<]*)<', PAGE):
        assert text == ENGLISH[key], key


def test_no_text_becomes_html():
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\b"
    for name, code in MODULES.items():
        assert not re.search(sinks, code), name


def test_the_policy_has_nothing_to_refuse():
    assert not re.search(r"<style|\sstyle=|\son\w+=", PAGE)
    assert re.findall(r"<script[^>]*>[^<]*", PAGE) == [
        '<script type="module" src="/static/js/main.js">'
    ]


def test_nothing_comes_from_elsewhere():
    everything = "".join([PAGE, STYLE, *MODULES.values()])
    assert not re.findall(r"(?:https?:)?//[a-z]+\.[a-z.]+", everything.replace("www.w3.org", ""))


def test_directions_are_logical():
    side = "(?:left|right)"
    physical = rf"(?:margin|padding|border)-{side}|(?<![-\w]){side}\s*:|align: {side}"
    assert not re.search(physical, STYLE)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    return running_modules(tmp_path_factory)


LINKS = """
import { richText } from "./js/dom.js";
globalThis.document = { createElement: () => ({ setAttribute() {}, append() {} }) };
const long = "http://" + ".".repeat(2660) + ")".repeat(1330);
const count = (text) => richText(text).filter((each) => typeof each !== "string").length;
const started = process.cpuUsage().user;
const links = [long, `https://a.example/${"x".repeat(3000)}`, "https://a.example/x."].map(count);
console.log(JSON.stringify([links, process.cpuUsage().user - started]));
"""


def test_no_message_keeps_the_page_busy(node):
    links, microseconds = node(LINKS)
    assert links == [0, 0, 1]
    assert microseconds < 1_000_000  # it would be a minute of computing if it were cubic


LONG = """
import { textOf } from "./js/rows.js";
const make = (tag) => ({ tag, text: "", setAttribute() {}, addEventListener() {},
  append(...texts) { this.text += texts.join(""); } });
globalThis.document = { createElement: make };
const lines = (count) => Array.from({ length: count }, (_, n) => n).join("\\n");
const shown = (...all) => textOf(...all).map(({ tag, text }) => [tag, text.split("\\n").at(-1)]);
console.log(JSON.stringify([shown(lines(16)), shown(lines(1980)), shown(lines(1980), true)]));
"""


def test_a_text_of_very_many_lines_is_folded(node):
    assert node(LONG) == [
        [["div", "15"]],
        [["div", "15"], ["button", "log.rest"]],
        [["div", "1979"]],
    ]


NICKS = """
import { Chat } from "./js/chat.js";
const chat = new Chat();
const odd = ["guest-0001", "a.b", "^x$", "(o)[o]{o}", "a|b/c\\\\d*+?", "!#%&',:;<=>@_`~"];
console.log(JSON.stringify(odd.map((nick) => {
  chat.setNick(nick);
  return chat.mentions(`hello ${nick}!`) && !chat.mentions("guestx0001 aab x oo");
})));
"""


def test_a_nick_may_have_any_sign(node):
    assert all(node(NICKS))


KEYS = """
import { listen } from "./js/keys.js";
let press;
globalThis.document = {
  addEventListener: (name, listener) => (press = listener),
  getElementById: () => ({ hidden: false }),
  querySelector: () => null,
};
const wishes = [];
listen({ search: () => wishes.push("search"), help: () => wishes.push("help") });
const keys = [["k", "KeyK"], ["л", "KeyK"], ["t", "KeyK"], ["/", "Slash"], [".", "Slash"]];
for (const [key, code] of [...keys, ["-", "Slash"], ["ن", "KeyK"]]) {
  press({ key, code, ctrlKey: true, preventDefault() {}, target: { closest: () => null } });
}
console.log(JSON.stringify(wishes));
"""


def test_keys_work_on_keyboards_of_all_scripts(node):
    assert node(KEYS) == ["search", "search", "help", "help", "search"]


def test_every_module_is_loaded_at_once():
    assert set(re.findall(r'modulepreload" href="/static/js/(.*?)"', PAGE)) == set(MODULES)


def test_the_first_load_is_small():
    languages = [path.stat().st_size for path in STATIC.glob("lang/*")]
    rest = sum(path.stat().st_size for path in [*STATIC.glob("*.*"), *STATIC.glob("js/*")])
    assert rest + max(languages) < 150 * 1024
    assert max(len(code.splitlines()) for code in MODULES.values()) < 300
