//! The values of a statement, each with its type: so that both kinds of statements mean the same and none asks the server
//! for types.

use tokio_postgres::types::{ToSql, Type};

/// A value and its type in SQL.
pub(crate) struct Param<'a> {
    pub(crate) value: Box<dyn ToSql + Sync + Send + 'a>,
    pub(crate) kind: Type,
}

/// A value that may be bound.
pub(crate) trait Bind: ToSql + Sync + Send {
    const KIND: Type;
    /// The type of a list of such values, for `unnest` and `= ANY`.
    const LIST: Type;
}

macro_rules! binds {
    ($($type:ty: $kind:ident, $list:ident;)*) => {$(
        impl Bind for $type {
            const KIND: Type = Type::$kind;
            const LIST: Type = Type::$list;
        }
    )*};
}

binds! {
    i64: INT8, INT8_ARRAY;
    bool: BOOL, BOOL_ARRAY;
    String: TEXT, TEXT_ARRAY;
    &str: TEXT, TEXT_ARRAY;
    &[u8]: BYTEA, BYTEA_ARRAY;
    Vec<u8>: BYTEA, BYTEA_ARRAY;
}

impl<T: Bind> Bind for &T {
    const KIND: Type = T::KIND;
    const LIST: Type = T::LIST;
}

impl<T: Bind> Bind for Option<T> {
    const KIND: Type = T::KIND;
    const LIST: Type = T::LIST;
}

impl<T: Bind> Bind for Vec<T> {
    const KIND: Type = T::LIST;
    const LIST: Type = T::LIST;
}

impl<T: Bind> Bind for &[T] {
    const KIND: Type = T::LIST;
    const LIST: Type = T::LIST;
}

pub(crate) fn param<'a, T: Bind + 'a>(value: T) -> Param<'a> {
    Param { value: Box::new(value), kind: T::KIND }
}

/// `$1, $2, …` of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::params::param($value)),*] };
}

pub(crate) use params;
