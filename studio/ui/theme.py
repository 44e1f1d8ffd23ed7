"""The look: a quiet wall in two lights, system fonts, one colour for what matters most."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils.fonts import Font

SANS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "Consolas", "monospace")


def studio_theme() -> gr.themes.Base:
    """Gradio's own parts in the studio's colours, which studio.css defines for everything else.

    Fonts are named, never fetched: each machine has one of them.
    """
    theme = gr.themes.Base(
        font=[Font(name) for name in SANS], font_mono=[Font(name) for name in MONO]
    )
    # The served page uses these two before any style sheet has arrived.
    colours = {
        "body_background_fill": ("#f4f2ee", "#171614"),
        "body_text_color": ("#23211d", "#ece8e1"),
        "body_text_color_subdued": ("#625d54", "#a8a196"),
        "background_fill_primary": ("#fbfaf8", "#1f1e1b"),
        "background_fill_secondary": ("#efece6", "#262421"),
        "border_color_primary": ("#dcd7cd", "#37342f"),
        "border_color_accent": ("#a5382c", "#e98a76"),
        "color_accent": ("var(--accent)",),
        "color_accent_soft": ("#f6e5e1", "#3a2622"),
        "block_background_fill": ("transparent", "transparent"),
        "block_label_text_color": ("#625d54", "#a8a196"),
        "block_title_text_color": ("#23211d", "#ece8e1"),
        "block_info_text_color": ("#625d54", "#a8a196"),
        "input_background_fill": ("#fbfaf8", "#1f1e1b"),
        "input_border_color": ("#a39d91", "#6b655b"),
        "input_border_color_focus": ("#a5382c", "#e98a76"),
        "input_placeholder_color": ("#736d62", "#969084"),
        "button_primary_background_fill": ("#23211d", "#ece8e1"),
        "button_primary_background_fill_hover": ("#3c3831", "#ffffff"),
        "button_primary_text_color": ("#fbfaf8", "#171614"),
        "button_primary_text_color_hover": ("#fbfaf8", "#171614"),
        "button_secondary_background_fill": ("#fbfaf8", "#262421"),
        "button_secondary_background_fill_hover": ("#ffffff", "#312e2a"),
        "button_secondary_text_color": ("#23211d", "#ece8e1"),
        "button_secondary_border_color": ("#cbc5b9", "#46423b"),
        "slider_color": ("#23211d", "#ece8e1"),
        "link_text_color": ("#a5382c", "#e98a76"),
        "error_background_fill": ("#fbfaf8", "#262421"),
        "table_even_background_fill": ("#fbfaf8", "#1f1e1b"),
        "table_odd_background_fill": ("#f4f2ee", "#232120"),
        "table_border_color": ("#dcd7cd", "#37342f"),
    }
    values = {name: both[0] for name, both in colours.items()}
    values |= {f"{name}_dark": both[1] for name, both in colours.items() if len(both) == 2}
    return theme.set(
        **values,
        block_border_width="0px",
        block_shadow="none",
        block_label_border_width="0px",
        block_padding="0px",
        button_large_radius="8px",
        button_small_radius="8px",
        button_medium_radius="8px",
        input_radius="8px",
        layout_gap="16px",
    )
