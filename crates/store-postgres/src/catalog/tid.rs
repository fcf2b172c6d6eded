//! Where a version of a row lies.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use crate::params::Bind;

/// A page of the table's file and a place on it, as PostgreSQL's `ctid` tells it. An update puts the row elsewhere, and another row may
/// come to where it was: this is where to look first, and no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tid {
    block: u32,
    offset: u16,
}

impl Bind for Tid {
    const KIND: Type = Type::TID;
    const LIST: Type = Type::TID_ARRAY;
}

/// As `tidsend` writes it.
impl<'r> FromSql<'r> for Tid {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let [a, b, c, d, e, f] = *<&[u8; 6]>::try_from(raw)?;
        Ok(Self { block: u32::from_be_bytes([a, b, c, d]), offset: u16::from_be_bytes([e, f]) })
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TID
    }
}

impl ToSql for Tid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_u32(self.block);
        out.put_u16(self.offset);
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TID
    }

    tokio_postgres::types::to_sql_checked!();
}

#[cfg(test)]
impl Tid {
    pub(super) const fn new(block: u32, offset: u16) -> Self {
        Self { block, offset }
    }
}
