//! A tree of labels and sentences, drawn in a given width. (termtree draws labels alone: it neither aligns what stands
//! behind them nor wraps it under its own beginning.)

use super::text::Tone;
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

/// A label longer than this stands alone rather than push its neighbours' sentences to the right.
const LABEL_MOST: usize = 24;
/// A sentence narrower than this would be a column of single words.
const SENTENCE_LEAST: usize = 20;

/// A label, what is so, and what belongs to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    label: String,
    text: String,
    children: Vec<Node>,
}

impl Node {
    /// A label and a sentence.
    pub(crate) fn new(label: impl Into<String>, text: impl Into<String>) -> Node {
        Node {
            label: label.into(),
            text: text.into(),
            children: Vec::new(),
        }
    }

    /// A sentence without a label.
    pub(crate) fn line(text: impl Into<String>) -> Node {
        Node::new("", text)
    }

    /// With these below it.
    pub(crate) fn with(mut self, children: impl IntoIterator<Item = Node>) -> Node {
        self.children.extend(children);
        self
    }

    /// One more below it.
    pub(crate) fn push(&mut self, child: Node) {
        self.children.push(child);
    }
}

/// The tree with its root, in so many columns.
pub(crate) fn draw(root: &Node, width: usize) -> String {
    let mut drawn = String::new();
    put(
        &mut drawn,
        root,
        &mut Indent::default(),
        display_width(&root.label),
        width,
    );
    drawn
}

/// What stands before a node: on its first line, and on those that follow.
#[derive(Clone, Default)]
struct Indent {
    first: String,
    rest: String,
}

impl Indent {
    fn child(&self, last: bool) -> Indent {
        let (first, rest) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        Indent {
            first: format!("{}{first}", self.rest),
            rest: format!("{}{rest}", self.rest),
        }
    }
}

fn put(drawn: &mut String, node: &Node, indent: &mut Indent, column: usize, width: usize) {
    let goes_on = if node.children.is_empty() { "" } else { "│  " };
    let label = Tone::Strong.of(&node.label);
    let (head, hang) = if node.label.is_empty() {
        (String::new(), 0)
    } else if node.text.is_empty() {
        (label, 0)
    } else {
        let gap = column.max(display_width(&node.label)) + 2;
        (format!("{label}{}", " ".repeat(gap - display_width(&node.label))), gap)
    };
    let first = format!("{}{head}", indent.first);
    // Under a node with children the line that leads to them goes on.
    let under = " ".repeat(hang.saturating_sub(display_width(goes_on)));
    let rest = if hang >= display_width(goes_on) {
        format!("{}{goes_on}{under}", indent.rest)
    } else {
        format!("{}{goes_on}", indent.rest)
    };
    let room = width.saturating_sub(display_width(&rest)).max(SENTENCE_LEAST);
    let mut begin = first;
    // Names of regions and instances have hyphens: they are never broken there.
    let whole = Options::new(room).word_splitter(WordSplitter::NoHyphenation);
    for line in textwrap::wrap(&node.text, whole) {
        drawn.push_str(format!("{begin}{line}").trim_end());
        drawn.push('\n');
        begin.clone_from(&rest);
    }
    let column = column_of(&node.children);
    for (index, child) in node.children.iter().enumerate() {
        let mut below = indent.child(index + 1 == node.children.len());
        put(drawn, child, &mut below, column, width);
    }
}

/// Where the sentences of neighbours begin: behind the longest label that is not too long.
fn column_of(nodes: &[Node]) -> usize {
    let widths = nodes.iter().filter(|node| !node.text.is_empty());
    let widths = widths.map(|node| display_width(&node.label));
    widths.filter(|width| *width <= LABEL_MOST).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(root: &Node, width: usize) -> String {
        anstream::adapter::strip_str(&draw(root, width)).to_string()
    }

    fn example() -> Node {
        Node::new("root", "of it all").with([
            Node::new("one", "a sentence that does not fit into one line of forty columns"),
            Node::new("second", "short").with([Node::line("below"), Node::new("x", "y")]),
        ])
    }

    #[test]
    fn sentences_stand_in_a_column_and_wrap_under_their_beginning() {
        let drawn = plain(&example(), 40);
        assert_eq!(
            drawn,
            "root  of it all\n\
             ├─ one     a sentence that does not fit\n\
             │          into one line of forty\n\
             │          columns\n\
             └─ second  short\n   ├─ below\n   └─ x  y\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in [40, 60, 100] {
            for line in plain(&example(), width).lines() {
                assert!(display_width(line) <= width, "{width}: {line}");
            }
        }
    }
}
