"""Signing in with Hugging Face, on a Space that offers it (`hf_oauth` in its front matter).

Nobody has to: without it a browser's key is all there is. Whoever does finds what they made in
every browser. Gradio speaks with Hugging Face and keeps its own cookie; here only a name and an
identity are taken from it.
"""

from __future__ import annotations

from html import escape

import gradio as gr
from gradio import oauth
from gradio.utils import get_space

from studio.studio import Studio
from studio.ui.session import Page, Visit
from studio.ui.surface import icon
from studio.words import Words

PROVIDER = "huggingface"


def is_offered() -> bool:
    """Whether this runs where Hugging Face signs people in."""
    given = (oauth.OAUTH_CLIENT_ID, oauth.OAUTH_CLIENT_SECRET, oauth.OPENID_PROVIDER_URL)
    return get_space() is not None and all(given)


def signed_in(
    studio: Studio, key: str, before: str, profile: gr.OAuthProfile | None
) -> tuple[str, str]:
    """The key of whoever has signed in, and that of the browser's own session, which is there again
    when they sign out.

    Args:
        key: of the session that the browser has open.
        before: what this returned last.
    """
    if profile is None:
        return key, before
    accounts = studio.store.accounts
    was_own = accounts.name(key) is None
    opened = accounts.sign_in(key, f"{PROVIDER}/{profile['sub']}", profile.name or profile.username)
    # Where it has become theirs, nothing is left behind.
    return opened, key if was_own and studio.store.knows(key) else before


def header(visit: Visit) -> str:
    """Who is signed in, and the button that changes it; nothing where nobody can."""
    if not is_offered():
        return ""
    words, name = visit.words, visit.studio.store.accounts.name(visit.key)
    if name is None:
        return button(words, "sign_in", words("account.in.title"))
    return f'<span class="account">{escape(name)}</span>{button(words, "sign_out", name)}'


def button(words: Words, act: str, title: str) -> str:
    label = words("account.in" if act == "sign_in" else "account.out")
    return (
        f'<button type="button" class="account-act" data-act="{act}" title="{escape(title)}" '
        f'aria-label="{escape(label)}">{icon("person")}<span>{escape(label)}</span></button>'
    )


def build(page: Page, header: gr.HTML, before: gr.BrowserState) -> None:
    """What the header's buttons do."""
    if not is_offered():
        return
    # Gradio opens its addresses for signing in where it finds its button.
    gr.LoginButton(visible=False)

    def sign_out(visit: Visit, before: str) -> tuple[str, str]:
        visit.studio.store.accounts.sign_out(visit.key)
        return before, ""

    header.sign_out(
        page.handler(sign_out), [*page.inputs, before], [page.key, before], **page.quiet
    ).then(js="() => setTimeout(() => location.assign('logout'), 300)")
