// Which rows a timeline has: the tree of operations, with what is folded left out.
//
// All rows are equally high, the cells of a large map included, so that which ones are in view is
// a division.

// Batches of more branches than this are shown as cells.
const MOST_ROWS = 24;

export class Folding {
  constructor() {
    this.chosen = new Map();
  }

  /** Whether what is in an operation is shown. Branches are folded until somebody looks. */
  isOpen(operation) {
    return this.chosen.get(operation.id) ?? !operation.isBranch;
  }

  set(operation, open) {
    this.chosen.set(operation.id, open);
  }
}

/**
 * @param {History} history
 * @param {Folding} folding
 * @param {number} width how many cells a row has
 */
export function makeRows(history, folding, width) {
  const rows = [{ kind: "invocations", key: "invocations" }];
  const add = (operation, depth) => {
    rows.push({ kind: "operation", key: operation.id, operation, depth });
    if (!folding.isOpen(operation)) return;
    if (operation.isBatch && operation.children.length > MOST_ROWS) addCells(operation, depth + 1);
    else for (const child of operation.children) add(child, depth + 1);
  };
  const addCells = (batch, depth) => {
    for (let from = 0; from < batch.children.length; from += width) {
      const branches = batch.children.slice(from, from + width);
      rows.push({ kind: "cells", key: `${batch.id} ${from}`, branches, depth });
      for (const branch of branches) if (folding.chosen.get(branch.id)) add(branch, depth);
    }
  };
  for (const operation of history.top) add(operation, 0);
  return rows;
}
