//! Several pieces of work at once: the first good, all, or so many of them.
//!
//! 1. Done as soon as enough are good or cannot be any more, else at the
//!    deadline or cancel, at once, with what is there and the reason (R-G24).
//! 2. The others are cancelled, then dropped, with all they started; who has
//!    not ended by `GRACE` is named (R-P36, R-G43).
//! 3. Every piece has one exit, in the order of the input; a panic is the
//!    piece's own (R-D12). No good one: an error that names all (R-G26).

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::clock::{Clock, Deadline};
use crate::gatherings::Gatherings;
use crate::pieces::{Pieces, Work};
use crate::scope::{Running, Scope, Why};
use crate::task::caught;

/// How long what the pieces started may take to end after its abort.
const GRACE: Duration = Duration::from_millis(100);

/// Pieces of work that are to run at once.
///
/// They run in the caller's own task, not in tasks of theirs: so they may
/// borrow, cost one allocation each, count against no limit, and dropping the
/// gathering ends them all. They wait for others; one that computes for long
/// stops its neighbours, and belongs into a task of the scope it is given.
pub struct Gather<'a, T, E> {
    /// Above the scopes of all pieces.
    group: Scope,
    label: &'static str,
    counted: Gatherings,
    at_once: usize,
    names: Vec<Box<str>>,
    works: Vec<Work<'a, T, E>>,
}

/// Why a gathering ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What was asked for is there.
    Reached,
    /// Too many failed: what was asked for cannot be reached any more.
    OutOfReach,
    /// The deadline passed.
    Deadline,
    /// The scope was cancelled.
    Cancelled(Why),
}

impl Stop {
    /// A stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::OutOfReach => "out_of_reach",
            Self::Deadline => "deadline",
            Self::Cancelled(_) => "cancelled",
        }
    }
}

/// How a piece ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceExit<T, E> {
    /// It gave a value.
    Good(T),
    /// It gave an error.
    Failed(E),
    /// It panicked; the message of the panic.
    Panicked(String),
    /// The gathering ended first, and it was cancelled.
    Unfinished,
}

/// A piece by its name, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<T, E> {
    /// The name it was added under.
    pub name: Box<str>,
    /// How it ended.
    pub exit: PieceExit<T, E>,
}

/// What a gathering gave.
#[derive(Debug)]
pub struct Gathered<T, E> {
    /// Why it ended.
    pub stop: Stop,
    /// All pieces, in the order in which they were added.
    pub pieces: Vec<Piece<T, E>>,
    /// Which piece was the first in time to fail or panic.
    pub first_error: Option<usize>,
    /// Tasks of the pieces that did not end within the grace after their
    /// abort: blocking work. Their scope still owns and names them.
    pub left: Vec<Running>,
}

impl<T, E> Gathered<T, E> {
    /// Whether some pieces did not come to their end (R-G44).
    pub fn is_partial(&self) -> bool {
        let mut exits = self.pieces.iter().map(|piece| &piece.exit);
        exits.any(|exit| matches!(exit, PieceExit::Unfinished))
    }

    /// The good ones, with their names.
    pub fn good(&self) -> impl Iterator<Item = (&str, &T)> {
        self.pieces.iter().filter_map(|piece| match &piece.exit {
            PieceExit::Good(value) => Some((&*piece.name, value)),
            _ => None,
        })
    }

    /// The errors that pieces gave, with their names.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &E)> {
        self.pieces.iter().filter_map(|piece| match &piece.exit {
            PieceExit::Failed(error) => Some((&*piece.name, error)),
            _ => None,
        })
    }
}

/// The first good piece.
#[derive(Debug)]
pub struct First<T, E> {
    /// Its name.
    pub name: Box<str>,
    /// What it gave.
    pub value: T,
    /// The others, in order: who failed before it, and who was cancelled.
    pub others: Vec<Piece<T, E>>,
}

/// Fewer pieces were good than were asked for; what there is, is kept.
#[derive(Debug)]
pub struct Short<T, E> {
    /// How many were asked for.
    pub wanted: usize,
    /// What was gathered.
    pub gathered: Gathered<T, E>,
}

impl<T, E: fmt::Display> fmt::Display for Short<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Gathered { stop, pieces, .. } = &self.gathered;
        let good = self.gathered.good().count();
        write!(f, "{good} of {} good ({})", self.wanted, stop.as_str())?;
        for Piece { name, exit } in pieces {
            match exit {
                PieceExit::Good(_) => write!(f, "; {name}: good")?,
                PieceExit::Failed(error) => write!(f, "; {name}: {error}")?,
                PieceExit::Panicked(message) => write!(f, "; {name}: panicked: {message}")?,
                PieceExit::Unfinished => write!(f, "; {name}: did not end")?,
            }
        }
        Ok(())
    }
}

impl<T: fmt::Debug, E: fmt::Debug + fmt::Display> std::error::Error for Short<T, E> {}

impl<'a, T: Send + 'a, E: Send + 'a> Gather<'a, T, E> {
    /// Nothing yet. The pieces get scopes of this label below `scope`; its
    /// cancel is theirs.
    pub fn new(scope: &Scope, label: &'static str) -> Self {
        Self {
            group: scope.child(label),
            label,
            counted: Gatherings::default(),
            at_once: usize::MAX,
            names: Vec::new(),
            works: Vec::new(),
        }
    }

    /// Counts it among these.
    #[must_use]
    pub fn counted(mut self, among: &Gatherings) -> Self {
        self.counted = among.clone();
        self
    }

    /// Runs no more than so many at once; the next begins when one has ended.
    #[must_use]
    pub fn at_once(mut self, most: usize) -> Self {
        self.at_once = most.max(1);
        self
    }

    /// Adds a piece. It is made when it is its turn, with a scope of its own:
    /// the place for tasks that it starts, and what tells it of its cancel.
    pub fn add<F>(
        &mut self,
        name: impl Into<Box<str>>,
        make: impl FnOnce(Scope) -> F + Send + 'a,
    ) -> &mut Self
    where
        F: Future<Output = Result<T, E>> + Send + 'a,
    {
        let (group, label) = (self.group.clone(), self.label);
        self.names.push(name.into());
        let work = async move { make(group.child(label)).await };
        self.works.push(Box::pin(caught(work)));
        self
    }

    /// Waits for the first good one; wall time is near the fastest of those.
    ///
    /// # Errors
    /// [`Short`] if none was good.
    pub async fn first(self, by: Deadline) -> Result<First<T, E>, Short<T, E>> {
        let mut gathered = self.quorum(1, by).await?;
        let mut good = None;
        let mut others = Vec::with_capacity(gathered.pieces.len());
        for Piece { name, exit } in gathered.pieces {
            match exit {
                PieceExit::Good(value) if good.is_none() => good = Some((name, value)),
                exit => others.push(Piece { name, exit }),
            }
        }
        if let Some((name, value)) = good {
            return Ok(First {
                name,
                value,
                others,
            });
        }
        gathered.pieces = others;
        let wanted = 1;
        Err(Short { wanted, gathered })
    }

    /// Waits until all have ended, good or not (R-P34).
    pub async fn all(self, by: Deadline) -> Gathered<T, E> {
        self.run(None, by).await
    }

    /// All of them good, or the first error, which ends the others (R-P35).
    ///
    /// # Errors
    /// [`Short`] if one was not; `first_error` says which was the first.
    pub async fn all_good(self, by: Deadline) -> Result<Vec<T>, Short<T, E>> {
        let wanted = self.works.len();
        let gathered = self.quorum(wanted, by).await?;
        let values = gathered.pieces.into_iter();
        Ok(values
            .filter_map(|piece| match piece.exit {
                PieceExit::Good(value) => Some(value),
                _ => None,
            })
            .collect())
    }

    /// Waits until so many are good, or that became impossible.
    ///
    /// # Errors
    /// [`Short`] if fewer were good, with those that were.
    pub async fn quorum(self, wanted: usize, by: Deadline) -> Result<Gathered<T, E>, Short<T, E>> {
        let gathered = self.run(Some(wanted), by).await;
        match gathered.stop {
            Stop::Reached => Ok(gathered),
            _ => Err(Short { wanted, gathered }),
        }
    }

    /// Does `work` for each item and waits until all have ended; the pieces are
    /// named by the item's place, from 0 (R-G44).
    pub async fn each<I, F>(
        self,
        items: impl IntoIterator<Item = I>,
        by: Deadline,
        work: impl Fn(Scope, I) -> F + Send + Sync,
    ) -> Gathered<T, E>
    where
        I: Send,
        F: Future<Output = Result<T, E>> + Send,
    {
        let work = &work;
        let mut gather: Gather<'_, T, E> = self;
        for (n, item) in items.into_iter().enumerate() {
            gather.add(n.to_string(), move |scope| work(scope, item));
        }
        gather.all(by).await
    }

    async fn run(self, wanted: Option<usize>, by: Deadline) -> Gathered<T, E> {
        let group = self.group;
        let counted = self.counted.begin(self.works.len());
        let mut pieces = Pieces::new(self.works, self.at_once, wanted, counted);
        let mut cancelled = group.cancelled();
        let pulled = poll_fn(|cx| match Pin::new(&mut cancelled).poll(cx) {
            Poll::Ready(why) => Poll::Ready(Stop::Cancelled(why)),
            Poll::Pending => pieces.poll(cx),
        });
        let stop = by.bound(pulled).await.unwrap_or(Stop::Deadline);
        // The cause first, so that who is dropped can read it.
        group.cancel(match stop {
            Stop::Deadline => Why::Deadline,
            _ => Why::Closed,
        });
        let ended = pieces.end(stop);
        let grace = Deadline::after(Clock, GRACE);
        let left = match grace.bound(group.close()).await {
            Ok(()) => Vec::new(),
            Err(_) => group.running(),
        };
        ended.counted.left(left.len());
        let pieces = self.names.into_iter().zip(ended.exits);
        Gathered {
            stop,
            pieces: pieces.map(|(name, exit)| Piece { name, exit }).collect(),
            first_error: ended.first_error,
            left,
        }
    }
}

impl<T, E> fmt::Debug for Gather<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("label", &self.label)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
